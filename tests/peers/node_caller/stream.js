// Usage: node stream.js FOLDER_OF_PACKAGES URL FUNCTION EVENT. Prints what the SDK reads, one JSON value a line.
const { createRequire } = require("module");
const [packages, endpoint, FunctionName, event] = process.argv.slice(2);
const { LambdaClient, InvokeWithResponseStreamCommand } = createRequire(`${packages}/`)("@aws-sdk/client-lambda");

const credentials = { accessKeyId: "local", secretAccessKey: "local" };
const client = new LambdaClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });

async function main() {
  const command = new InvokeWithResponseStreamCommand({ FunctionName, Payload: Buffer.from(event), LogType: "Tail" });
  const response = await client.send(command);
  console.log(JSON.stringify([response.StatusCode, response.ExecutedVersion]));
  for await (const part of response.EventStream) {
    const piece = part.PayloadChunk && Buffer.from(part.PayloadChunk.Payload).toString();
    console.log(JSON.stringify(piece === undefined ? part.InvokeComplete : piece));
  }
}

main().catch((error) => console.log(JSON.stringify(error.name)));
