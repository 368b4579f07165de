// Sends a thousand documents, valid and invalid, to the server at GRAPHQL_URL, and compares what it makes of each with
// graphql-js, which is the reference: whether it runs. Some are in interfaces.js, the others are made. The server may be stricter
// only by a limit of its own, which it says.
// Ends with a line `N passed, M failed`. COMPARE_SEED and COMPARE_COUNT make other documents, and more.

import { readFileSync } from 'node:fs';
import { GraphQLBoolean, GraphQLError, GraphQLNonNull, Kind, TypeInfo, TypeNameMetaFieldDef, assertValidSchema, buildSchema, getArgumentValues, getVariableValues, isCompositeType, parse, validate, visit, visitWithTypeInfo } from 'graphql';
import { Generator, TIMES } from './documents.js';
import { INVALID, VALID } from './interfaces.js';

const url = process.env.GRAPHQL_URL;
if (!url) {
  console.error('Set GRAPHQL_URL to the address of the server, as in http://127.0.0.1:8000/graphql.');
  process.exit(2);
}

const source = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
const shown = buildSchema(source);
assertValidSchema(shown);
/** The same, which is told here what its text does not say. */
const schema = buildSchema(source, { assumeValid: true });
teach('DateTime', (value) => TIMES.includes(value), Kind.STRING);
teach('PageSize', (value) => Number.isInteger(value), Kind.INT);
// Introspection as the specification of September 2025 has it, which knows no deprecated directives.
const { __Schema, __Type, __Field, __Directive } = schema.getTypeMap();
delete __Directive.getFields().isDeprecated;
delete __Directive.getFields().deprecationReason;
__Schema.getFields().directives.args.length = 0;
for (const field of [...Object.values(__Type.getFields()), __Field.getFields().args, __Directive.getFields().args]) {
  for (const arg of field.args) {
    arg.type = new GraphQLNonNull(GraphQLBoolean);
  }
}
// graphql-js does not compare the type of `__typename` with that of other fields with the same key, as the specification demands.
for (const type of Object.values(schema.getTypeMap()).filter(isCompositeType)) {
  type.getFields().__typename = TypeNameMetaFieldDef;
}

/** What a scalar takes, which its definition does not tell. */
function teach(name, takes, kind) {
  const scalar = schema.getType(name);
  const checked = (value) => {
    if (!takes(value)) {
      throw new GraphQLError(`not a ${name}`);
    }
    return value;
  };
  scalar.parseValue = checked;
  scalar.parseLiteral = (node) => checked(node.kind !== kind ? undefined : kind === Kind.INT ? Number(node.value) : node.value);
}

/** Why a document does not run, by graphql-js; `undefined` if it does. */
function reason({ query, variables }) {
  let document;
  try {
    document = parse(query);
  } catch (error) {
    return error.message;
  }
  const [wrong] = validate(schema, document);
  if (wrong) {
    return wrong.message;
  }
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (!operation || !schema.getRootType(operation.operation)) {
    return 'no such operation';
  }
  const { errors, coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  if (errors) {
    return errors[0].message;
  }
  return argumentFault(document, coerced);
}

/** What execution would find wrong with an argument: null, where a default lets a nullable variable stand. */
function argumentFault(document, variables) {
  const types = new TypeInfo(schema);
  let fault;
  const look = (node) => {
    const defined = node.kind === Kind.DIRECTIVE ? types.getDirective() : types.getFieldDef();
    try {
      getArgumentValues(defined, node, variables);
    } catch (error) {
      fault ??= error.message;
    }
  };
  visit(document, visitWithTypeInfo(types, { Field: look, Directive: look }));
  return fault;
}

let failed = 0;

/** Compares one document. Returns whether it is `valid`, `invalid` or `limited`; null if the server thinks otherwise. */
async function compare(request, called) {
  const expected = reason(request);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body: JSON.stringify(request),
  });
  const answer = await response.json();
  const refusal = 'data' in answer ? undefined : answer.errors[0];
  if (refusal?.extensions.code === 'LIMIT_EXCEEDED') {
    return 'limited';
  }
  if ((refusal === undefined) === (expected === undefined) && (refusal === undefined || refusal.extensions.code === 'INVALID')) {
    return refusal === undefined ? 'valid' : 'invalid';
  }
  failed += 1;
  console.log(`${called}: ${JSON.stringify(request)}`);
  console.log(`  graphql-js: ${expected ?? 'runs'}`);
  console.log(`  the server: ${refusal?.message ?? 'runs'}`);
  return null;
}

let passed = 0;
for (const [expected, documents] of Object.entries({ valid: VALID, invalid: INVALID })) {
  for (const query of documents) {
    const compared = await compare({ query, variables: query.includes('$id: ID!') ? { id: 'a', full: true } : {} }, `a document that should be ${expected}`);
    if (compared === expected) {
      passed += 1;
    } else if (compared) {
      failed += 1;
      console.log(`a document that should be ${expected} is ${compared}: ${query}`);
    }
  }
}

const seed = Number(process.env.COMPARE_SEED ?? 20261128);
const count = Number(process.env.COMPARE_COUNT ?? 1200);
const generator = new Generator(shown, seed);
const seen = { valid: 0, invalid: 0, limited: 0 };
for (let number = 0; number < count; number += 1) {
  const compared = await compare(generator.next(), `document ${number} of seed ${seed}`);
  if (compared) {
    seen[compared] += 1;
  }
}
console.log(`${seen.valid} valid, ${seen.invalid} invalid, ${seen.limited} beyond a limit of the server's`);
// Documents that are all of a kind would compare nothing.
if (Math.min(seen.valid, seen.invalid) < count / 4 || seen.limited > count / 10) {
  failed += 1;
  console.log('There are too few documents of a kind.');
}
passed += seen.valid + seen.invalid;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
