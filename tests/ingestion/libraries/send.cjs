// Sends with a real library of Node: `node send.cjs LIBRARY ADDRESS KEY`, the calls [[name, message], ...] as JSON on
// standard input. Ends with 0 when the library says that it has delivered each of them.
const [library, address, key] = process.argv.slice(2);
const ROUNDS = 5;

function opened() {
  if (library === "segment-node") {
    const { Analytics } = require("@segment/analytics-node");
    return new Analytics({ writeKey: key, host: address, flushAt: 10, flushInterval: 100, maxRetries: 50 });
  }
  const Rudder = require("@rudderstack/rudder-sdk-node");
  const retries = { retryDelay: () => 100 };
  return new Rudder(key, {
    dataPlaneUrl: address, flushAt: 10, flushInterval: 100, retryCount: 600, axiosRetryConfig: retries, logLevel: "silly",
    errorHandler: () => {},  // without one it ends the process
  });
}

function dated(message) {
  return message.timestamp ? { ...message, timestamp: new Date(message.timestamp) } : message;
}

// The calls that the library gives up; a caller sends those again. To Rudder an answer that breaks off after its first line
// is no fault of the network.
async function givenUp(client, calls) {
  const failed = [];
  const said = calls.map((call) => new Promise((done) => {
    const [name, message] = call;
    client[name](dated(message), (error) => { if (error) failed.push([call, error]); done(); });
  }));
  await Promise.all(said);
  return failed;
}

async function main() {
  const client = opened();
  let failed = await givenUp(client, JSON.parse(require("fs").readFileSync(0, "utf8")));
  for (let more = ROUNDS; failed.length && more; more -= 1) failed = await givenUp(client, failed.map(([call]) => call));
  for (const [, failure] of failed) console.error(failure.message || String(failure));
  process.exit(failed.length ? 1 : 0);
}

main();
