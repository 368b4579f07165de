// The operations that the page sends by itself, and the initial tabs. The browser test validates all of them against the schema.

/** The owner of the credential. */
export const ME = 'query Me { me { id name email } }';

const TOKENS = '{ accessToken refreshToken expiresIn refreshExpiresIn }';

export const SIGN_IN = `mutation SignIn($email: String!, $password: String!) { signIn(data: { email: $email, password: $password }) ${TOKENS} }`;

export const REFRESH_SESSION = `mutation RefreshSession($refreshToken: String!) { refreshSession(data: { refreshToken: $refreshToken }) ${TOKENS} }`;

export const SIGN_OUT = 'mutation SignOut { signOut { id } }';

/** The initial tabs; the title of a tab is the name of its operation. */
export const EXAMPLES = [
  {
    query: `# Who am I? Give a key above, then run.
query Me {
  me {
    id
    name
    email
    organizationRole
    organization {
      id
      name
    }
  }
}
`,
  },
  {
    query: `# The newest active users.
# No argument is required.
query Users {
  users(
    where: { activated: true }
    orderBy: CREATED_AT_DESC
    first: 20
  ) {
    id
    name
    email
    organizationRole
    createdAt
  }
  countUsers(where: { activated: true })
}
`,
  },
  {
    query: `# A new user of your own organization,
# with the values under "Variables".
mutation CreateUser($data: CreateUserData!) {
  createUser(data: $data) {
    id
    name
    email
    organizationRole
    createdAt
  }
}
`,
    variables: JSON.stringify(
      {
        data: {
          email: 'ada.lovelace@example.com',
          firstname: 'Ada',
          lastname: 'Lovelace',
          organizationRole: 'USER',
        },
      },
      null,
      2,
    ),
  },
];
