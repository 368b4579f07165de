import { graphql } from 'relay-runtime';

export const page = graphql`
  query directoryPageQuery($count: Int!, $search: String!) {
    ...directory_users @arguments(count: $count, search: $search)
  }
`;

export const users = graphql`
  fragment directory_users on Query
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" }, search: { type: "String!" })
  @refetchable(queryName: "directoryUsersQuery") {
    usersConnection(first: $count, after: $cursor, where: { idStartsWith: $search }, orderBy: ID_ASC)
      @connection(key: "directory_usersConnection") {
      __id
      edges {
        node {
          nodeId
          ...directory_user
        }
      }
    }
  }
`;

export const user = graphql`
  fragment directory_user on User @refetchable(queryName: "directoryUserQuery") {
    id
    name
    tenant {
      ...directory_tenant
    }
  }
`;

export const tenant = graphql`
  fragment directory_tenant on Tenant @refetchable(queryName: "directoryTenantQuery") {
    id
    name
  }
`;

export const rename = graphql`
  mutation directoryRenameMutation($id: ID!, $name: String!) {
    updatePropertiesInUser(where: { id: $id }, data: { name: $name }) {
      ...directory_user
    }
  }
`;

/** The first is done; the second is refused, unless the user still has this version. */
export const renameTwo = graphql`
  mutation directoryRenameTwoMutation($first: ID!, $second: ID!, $name: String!, $version: Int!) {
    done: updatePropertiesInUser(where: { id: $first }, data: { name: $name }) {
      name
    }
    refused: updatePropertiesInUser(where: { id: $second }, data: { name: $name }, expectedVersion: $version) {
      name
    }
  }
`;

export const create = graphql`
  mutation directoryCreateMutation($data: CreateUserData!, $connections: [ID!]!) {
    createUser(data: $data) @appendNode(connections: $connections, edgeTypeName: "UserEdge") {
      ...directory_user
    }
  }
`;

export const remove = graphql`
  mutation directoryRemoveMutation($id: ID!, $connections: [ID!]!) {
    deleteUser(where: { id: $id }) {
      nodeId @deleteEdge(connections: $connections)
    }
  }
`;
