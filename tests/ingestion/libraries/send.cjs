// Sends with a real library of Node: `node send.cjs LIBRARY ADDRESS KEY`, the calls [[name, message], ...] as JSON on
// standard input. Ends with 0 when the library says that it has delivered each of them.
const [library, address, key] = process.argv.slice(2);

function opened() {
  if (library === "segment-node") {
    const { Analytics } = require("@segment/analytics-node");
    return new Analytics({ writeKey: key, host: address, flushAt: 10, flushInterval: 100, maxRetries: 50 });
  }
  const Rudder = require("@rudderstack/rudder-sdk-node");
  const retries = { retryDelay: () => 100 };
  return new Rudder(key, {
    dataPlaneUrl: address, flushAt: 10, flushInterval: 100, retryCount: 600, axiosRetryConfig: retries, logLevel: "silly",
  });
}

function dated(message) {
  return message.timestamp ? { ...message, timestamp: new Date(message.timestamp) } : message;
}

async function sent(client, calls) {
  const failures = [];
  const said = calls.map(([name, message]) => new Promise((done) => {
    client[name](dated(message), (error) => { if (error) failures.push(error); done(); });
  }));
  await Promise.all(said);
  return failures;
}

async function main() {
  const calls = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const failures = await sent(opened(), calls);
  for (const failure of failures) console.error(failure.message || String(failure));
  process.exit(failures.length ? 1 : 0);
}

main();
