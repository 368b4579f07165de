// Runs every audit of GraphQL over HTTP against the server at GRAPHQL_URL. Ends with a line `N passed, M failed`.

import { serverAudits } from 'graphql-http';

const url = process.env.GRAPHQL_URL;
if (!url) {
  console.error('Set GRAPHQL_URL to the address of the server, as in http://127.0.0.1:8000/graphql.');
  process.exit(2);
}

// A recommendation that is not followed fails here like a requirement.
const audits = serverAudits({ url });
let passed = 0;
for (const audit of audits) {
  let reason;
  try {
    const result = await audit.fn();
    if (result.status !== 'ok') {
      reason = result.reason;
    }
  } catch (error) {
    reason = String(error);
  }
  if (reason === undefined) {
    passed += 1;
  } else {
    console.log(`${audit.id} ${audit.name}: ${reason}`);
  }
}
const failed = audits.length - passed;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
