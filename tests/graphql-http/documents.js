// Makes documents out of a schema, with their variables: about half of them are valid, the others wrong in one or two places.
// The same seed makes the same documents.

import { doTypesOverlap, getNamedType, getNullableType, isCompositeType, isEnumType, isInputObjectType, isInterfaceType, isListType, isNonNullType } from 'graphql';

export const TIMES = ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00.123+02:00', '1970-01-01T00:00:00Z'];
const NO_TIMES = ['yesterday', '2027-01-31', '', '1969-12-31T23:59:59Z', '2027-02-30T00:00:00Z'];
const TEXTS = ['""', '"a"', '"\\u00e9\\n"', '"\\uD83D\\uDE00"', '"\\u{1F600}"', '"# no { comment"', '"""block \\""" "text" """', '"""\n  a\n    b\n"""', '"%_"'];
const NO_TEXTS = ['"\\uD83D"', '"\\x"', '"\\u{110000}"', '"a\n"', '"'];
const IGNORED = [' ', '\n', '\r', '\r\n', '\t', ',', '\uFEFF', ' # { ( " \r', '# """\n'];
const TOKENS = ['{', '}', '(', ')', '[', ']', ':', '=', '!', '$', '@', '...', '|', '&', 'on', 'id', 'query', 'fragment', '$v', '1', '0', '00', '1.5', '-', '"a"', '.', 'null', 'ID'];

/** Numbers in [0, 1) that are the same for the same seed. */
function randomness(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export class Generator {
  constructor(schema, seed) {
    this.schema = schema;
    this.random = randomness(seed);
    this.types = Object.values(schema.getTypeMap());
    this.composites = this.types.filter((type) => isCompositeType(type) && !type.name.startsWith('__'));
    this.node = schema.getQueryType().getFields().node;
  }

  chance(probability) {
    return this.random() < probability;
  }

  below(count) {
    return Math.floor(this.random() * count);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** Whether something is to be wrong here; there are few such places in a document. */
  wrong(probability) {
    if (this.faults === 0 || !this.chance(probability)) {
      return false;
    }
    this.faults -= 1;
    return true;
  }

  /** A document with the variables it is sent with. */
  next() {
    this.faults = this.chance(0.45) ? 0 : 1 + this.below(2);
    this.declared = new Map();
    this.fragments = new Map();
    this.open = [];
    const mutation = this.chance(0.25);
    const root = mutation ? this.schema.getMutationType() : this.schema.getQueryType();
    const selections = this.selectionSet(root, 0, mutation ? 2 : 3);
    if (this.wrong(0.05)) {
      this.fragments.set('Unused', 'fragment Unused on User { id }');
    }
    if (this.wrong(0.05)) {
      this.variable('ID', 'Unused');
    }
    const definitions = [...this.declared.values()].map((variable) => variable.definition);
    if (definitions.length > 0 && this.wrong(0.05)) {
      definitions.push(this.pick(definitions));
    }
    const variables = definitions.length > 0 ? `(${definitions.join(' ')})` : '';
    let keyword = mutation ? 'mutation' : 'query';
    if (this.wrong(0.02)) {
      keyword = this.pick(['mutation', 'subscription', 'query']);
    }
    const name = this.chance(0.5) ? ' Op' : '';
    const directive = this.wrong(0.02) ? ' @include(if: true)' : '';
    const short = keyword === 'query' && name === '' && variables === '' && directive === '' && this.chance(0.5);
    const operation = `${short ? '' : `${keyword}${name}${variables}${directive} `}${selections}`;
    const parts = [operation, ...this.fragments.values()];
    if (this.wrong(0.03)) {
      parts.push(this.pick(parts));
    }
    if (this.wrong(0.02)) {
      parts.push('type T { a: Int }');
    }
    let query = this.chance(0.5) ? parts.join(' ') : parts.reverse().join('\n');
    if (this.chance(0.2)) {
      query = this.respaced(query);
    }
    if (this.wrong(0.3)) {
      query = this.mangled(query);
    }
    const values = {};
    for (const [variable, { value }] of this.declared) {
      if (value !== undefined) {
        values[variable] = value;
      }
    }
    if (this.chance(0.05)) {
      values.nobody = 1;
    }
    return { query, variables: values };
  }

  /** Other blanks and comments between the same tokens. */
  respaced(query) {
    return tokens(query).map((token) => token + (this.chance(0.3) ? this.pick(IGNORED) : ' ')).join('');
  }

  /** One token more, less or another. */
  mangled(query) {
    const list = tokens(query);
    const at = this.below(list.length);
    list.splice(at, this.below(2), ...(this.chance(0.6) ? [this.pick(TOKENS)] : []));
    return list.join(' ');
  }

  selectionSet(type, depth, most) {
    const fields = this.fieldsOf(type);
    const count = 1 + this.below(most);
    const selections = [];
    for (let number = 0; number < count; number += 1) {
      selections.push(this.selection(type, fields, depth));
    }
    if (this.chance(0.12)) {
      // The same once more: it is merged, and what it selects may be more.
      selections.push(this.pick(selections));
    }
    return `{ ${selections.join(this.chance(0.5) ? ' ' : ', ')} }`;
  }

  fieldsOf(type) {
    const fields = Object.values(type.getFields());
    return type === this.schema.getQueryType() || type === this.schema.getMutationType()
      ? fields
      : fields.filter((field) => this.chance(0.7) || field.args.length === 0);
  }

  selection(type, fields, depth) {
    // An interface has few fields of its own.
    const roll = isInterfaceType(type) ? this.random() / 3 : this.random();
    if (roll < 0.08) {
      const on = this.wrong(0.15) ? this.pick(this.chance(0.5) ? this.types : this.composites) : this.overlapping(type);
      const condition = this.chance(0.5) || on !== type ? ` on ${on.name}` : '';
      return `...${condition}${this.directives()} ${this.selectionSet(isCompositeType(on) ? on : type, depth, 2)}`;
    }
    if (roll < 0.18 && depth < 3) {
      const name = this.fragment(this.overlapping(type), depth);
      if (name !== undefined) {
        return `...${name}${this.directives()}`;
      }
    }
    if (roll < 0.23) {
      return `${this.chance(0.3) ? 'a: ' : ''}__typename${this.directives()}`;
    }
    if (this.wrong(0.02)) {
      return this.pick(['nothing', 'id { id }', '__schema { types { name } }', '__type { name }', 'a: nothing(x: 1)']);
    }
    if (type === this.schema.getQueryType() && this.chance(0.05)) {
      const [field, of] = this.pick([['__schema', '__Schema'], ['__type(name: "User")', '__Type']]);
      return `${field} ${this.selectionSet(this.schema.getType(of), 2, 3)}`;
    }
    if (type === this.schema.getQueryType() && this.chance(0.2)) {
      return this.field([this.node], depth);
    }
    return this.field(fields, depth);
  }

  /** A type that objects of this one may be too: an interface and the types that implement it are so to each other. */
  overlapping(type) {
    if (this.chance(0.6) && !isInterfaceType(type)) {
      return type;
    }
    return this.pick(this.composites.filter((other) => doTypesOverlap(this.schema, type, other)).concat(type));
  }

  field(fields, depth) {
    let candidates = fields;
    if (depth >= 3) {
      const leaves = fields.filter((field) => !isCompositeType(getNamedType(field.type)));
      candidates = leaves.length > 0 ? leaves : fields;
    }
    const field = this.pick(candidates);
    // Few aliases, so that some meet.
    const alias = this.chance(0.12) ? `${this.pick(['a', 'b', 'id', 'name'])}: ` : '';
    const args = this.args(field.args);
    const type = getNamedType(field.type);
    let below = '';
    if (isCompositeType(type)) {
      below = this.wrong(0.01) ? '' : ` ${this.selectionSet(type, depth + 1, depth > 1 ? 1 : 3)}`;
    } else if (this.wrong(0.01)) {
      below = ' { id }';
    }
    return `${alias}${field.name}${args}${this.directives()}${below}`;
  }

  /** The name of a fragment on this type; none, if it would spread itself. */
  fragment(type, depth) {
    const name = `${type.name}${this.below(2)}`;
    if (this.wrong(0.03)) {
      return this.pick(['Missing', ...this.fragments.keys(), ...this.open]);
    }
    if (this.open.includes(name)) {
      return undefined;
    }
    if (!this.fragments.has(name)) {
      this.open.push(name);
      const text = `fragment ${name} on ${this.wrong(0.05) ? this.pick(this.types).name : type.name} ${this.selectionSet(type, depth, 2)}`;
      this.open.pop();
      this.fragments.set(name, text);
    }
    return name;
  }

  directives() {
    if (!this.chance(0.06)) {
      return '';
    }
    if (this.wrong(0.3)) {
      return this.pick([' @unknown', ' @include', ' @skip(if: "yes")', ' @skip(if: true) @skip(if: false)', ' @include(if: true, x: 1)', ' @deprecated', ' @include(if: null)']);
    }
    const condition = this.chance(0.4) ? this.use('Boolean!', false) : this.pick(['true', 'false']);
    return ` @${this.pick(['skip', 'include'])}(if: ${condition})`;
  }

  args(defined) {
    const given = [];
    for (const arg of defined) {
      const required = isNonNullType(arg.type) && arg.defaultValue === undefined;
      const omitted = required ? this.wrong(0.02) : !this.chance(0.35);
      if (!omitted) {
        given.push(`${arg.name}: ${this.value(arg.type, 0, arg.defaultValue !== undefined)}`);
      }
    }
    if (this.wrong(0.02)) {
      given.push('nothing: 1');
    }
    if (given.length > 0 && this.wrong(0.02)) {
      given.push(this.pick(given));
    }
    return given.length > 0 ? `(${given.join(', ')})` : '';
  }

  /** A value of the document for this type, or a variable. */
  value(type, depth, hasDefault) {
    if (this.wrong(0.04)) {
      return this.pick(['null', '1', '"x"', 'true', '{}', '[]', '[[1]]', 'NOTHING', '1.5', '2147483648', '"ADMIN"', '{nothing: 1}', '$undeclared', ...NO_TEXTS]);
    }
    if (this.chance(0.2)) {
      return this.use(String(type), hasDefault);
    }
    if (!isNonNullType(type) && this.chance(0.06)) {
      return 'null';
    }
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      if (this.chance(0.2)) {
        const one = this.value(nullable.ofType, depth + 1, false);
        // A variable of one item is not a list of it.
        return one.startsWith('$') ? `[${one}]` : one;
      }
      const items = Array.from({ length: this.below(3) }, () => this.value(nullable.ofType, depth + 1, false));
      return `[${items.join(', ')}]`;
    }
    return this.named(nullable, depth);
  }

  named(type, depth) {
    if (isInputObjectType(type)) {
      return this.object(type, depth);
    }
    if (isEnumType(type)) {
      const name = this.pick(type.getValues()).name;
      return this.wrong(0.08) ? this.pick([`"${name}"`, name.toLowerCase()]) : name;
    }
    switch (type.name) {
      case 'Int':
      case 'PageSize':
        return String(1 + this.below(5));
      case 'Boolean':
        return this.pick(['true', 'false']);
      case 'ID':
        return this.pick([...TEXTS, '7', '-0', '12345678901234567890']);
      case 'DateTime':
        return JSON.stringify(this.wrong(0.2) ? this.pick(NO_TIMES) : this.pick(TIMES));
      case 'JSON':
        return this.pick(['{}', '{a: [1, null, {b: ENUM}]}', '[]', '"a"', '1.50', 'null', `{a: ${this.use('ID', false)}}`]);
      default:
        return this.pick(TEXTS);
    }
  }

  object(type, depth) {
    const given = [];
    for (const field of Object.values(type.getFields())) {
      const required = isNonNullType(field.type);
      const nested = isInputObjectType(getNamedType(field.type));
      const probability = depth > 2 && nested ? 0 : nested ? 0.15 : 0.18;
      if (required ? !this.wrong(0.03) : this.chance(probability)) {
        given.push(`${field.name}: ${this.value(field.type, depth + 1, false)}`);
      }
    }
    if (this.wrong(0.02)) {
      given.push('nothing: 1');
    }
    if (given.length > 0 && this.wrong(0.03)) {
      given.push(this.pick(given));
    }
    return `{${given.join(', ')}}`;
  }

  /** A variable that stands where this type belongs; one of several kinds fits. */
  use(type, hasDefault) {
    const nullable = type.replace(/!$/, '');
    const known = [...this.declared].filter(([, one]) => one.type.replace(/!$/, '') === nullable);
    if (known.length > 0 && this.chance(0.5)) {
      return `$${this.pick(known)[0]}`;
    }
    return `$${this.variable(type, `v${this.declared.size}`, hasDefault)}`;
  }

  variable(type, name, hasDefault = false) {
    let declared = type;
    const nullable = type.replace(/!$/, '');
    let standsIn = '';
    if (this.chance(0.25)) {
      declared = `${nullable}!`;
    } else if (type.endsWith('!') && (hasDefault || this.chance(0.3))) {
      declared = nullable;
      standsIn = hasDefault && this.chance(0.5) ? '' : this.defaultOf(nullable);
    } else if (this.chance(0.15)) {
      standsIn = this.defaultOf(nullable);
    }
    if (this.wrong(0.12)) {
      declared = this.pick([nullable, `[${nullable}]`, 'User', 'Nothing', 'String!', 'ID', 'Int', nullable.replace(/^\[|!?\]$/g, '')]);
      standsIn = this.chance(0.3) ? this.pick([' = null', ' = 1', ' = "x"', ' = [$v0]', '']) : '';
    }
    const spaced = this.chance(0.2) ? declared.replace(/([[\]!])/g, ' $1 ') : declared;
    this.declared.set(name, {
      type: declared,
      definition: `$${name}: ${spaced}${standsIn}`,
      value: this.json(declared, 0, standsIn !== ''),
    });
    return name;
  }

  defaultOf(type) {
    const values = { Boolean: 'true', Int: '3', PageSize: '3', String: '"a"', ID: '"a"', DateTime: `"${TIMES[0]}"`, JSON: '{a: 1}' };
    const value = values[type] ?? (type.startsWith('[') ? '[]' : undefined);
    const enumeration = this.schema.getType(type);
    if (value === undefined && isEnumType(enumeration)) {
      return ` = ${enumeration.getValues()[0].name}`;
    }
    return value === undefined ? ' = {}' : ` = ${value}`;
  }

  /** A value of the variables; `undefined` is not given. */
  json(type, depth, hasDefault) {
    const required = type.endsWith('!');
    const inner = type.replace(/!$/, '');
    if (depth === 0 && (!required || hasDefault) && this.chance(0.2)) {
      return undefined;
    }
    if (this.wrong(0.08)) {
      return this.pick([null, 1, 1.5, 'x', true, [], {}, { nothing: 1 }, 2147483648, undefined, [[null]], 'admin', '']);
    }
    if (!required && this.chance(0.15)) {
      return null;
    }
    if (inner.startsWith('[')) {
      const item = inner.slice(1, -1);
      return this.chance(0.2) ? this.json(item, depth + 1, false) ?? [] : Array.from({ length: this.below(3) }, () => this.json(item, depth + 1, false) ?? null);
    }
    const named = this.schema.getType(inner);
    if (isEnumType(named)) {
      return this.pick(named.getValues()).name;
    }
    if (isInputObjectType(named)) {
      const given = {};
      for (const field of Object.values(named.getFields())) {
        const nested = isInputObjectType(getNamedType(field.type));
        if (isNonNullType(field.type) ? !this.wrong(0.03) : this.chance(depth > 2 && nested ? 0 : 0.2)) {
          given[field.name] = this.json(String(field.type), depth + 1, false);
        }
      }
      return given;
    }
    switch (inner) {
      case 'Int':
      case 'PageSize':
        return 1 + this.below(5);
      case 'Boolean':
        return this.chance(0.5);
      case 'ID':
        return this.pick(['a', '', 7]);
      case 'DateTime':
        return this.wrong(0.2) ? this.pick(NO_TIMES) : this.pick(TIMES);
      case 'JSON':
        return this.pick([{ a: [1, null] }, [], 'a', 1.5, null]);
      default:
        return this.pick(['', 'a', '\u{1F600}']);
    }
  }
}

/** A text's tokens, roughly: strings whole, everything else by its kind. */
function tokens(text) {
  return text.match(/"""[^]*?"""(?!")|"(?:\\.|[^"\\\n])*"|\.\.\.|[A-Za-z_][A-Za-z0-9_]*|-?[0-9][0-9.eE+-]*|#[^\n\r]*[\n\r]?|[^\s,]/g) ?? [text];
}
