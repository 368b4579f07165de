import { graphql } from './gql';

export const usersPage = graphql(`
  query UsersPage($search: String!, $first: Int!, $after: String) {
    usersConnection(where: { idStartsWith: $search }, orderBy: ID_ASC, first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          name
          tenant {
            id
            name
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** The same role, in one event as given and in another as taken away. */
export const roleChanges = graphql(`
  query RoleChanges($user: String!) {
    auditEvents(where: { targetId: $user, actionIn: ["user.assignRole", "user.withdrawRole"] }, orderBy: CREATED_AT_ASC) {
      id
      related {
        kind
        id
        change
      }
    }
  }
`);

export const renameUser = graphql(`
  mutation RenameUser($id: ID!, $name: String!) {
    updatePropertiesInUser(where: { id: $id }, data: { name: $name }) {
      id
      name
    }
  }
`);

/** The first is done; the second is refused, unless the user still has this version. */
export const renameTwo = graphql(`
  mutation RenameTwo($first: ID!, $second: ID!, $name: String!, $version: Int!) {
    done: updatePropertiesInUser(where: { id: $first }, data: { name: $name }) {
      id
      name
    }
    refused: updatePropertiesInUser(where: { id: $second }, data: { name: $name }, expectedVersion: $version) {
      id
      name
    }
  }
`);
