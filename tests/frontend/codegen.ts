import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: process.env.GRAPHQL_URL ?? '',
  documents: ['src/*.ts'],
  generates: {
    'src/gql/': {
      preset: 'client',
      config: {
        strictScalars: true,
        scalars: { DateTime: 'string', JSON: 'unknown', PageSize: 'number' },
      },
    },
    'src/gql/schema.ts': {
      plugins: ['typescript'],
      config: {
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { DateTime: 'string', JSON: 'unknown', PageSize: 'number' },
      },
    },
    // For Graphcache: which types and fields the schema has.
    'src/gql/introspection.json': {
      plugins: ['introspection'],
      config: { minify: true },
    },
  },
};

export default config;
