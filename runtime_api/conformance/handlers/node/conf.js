// The testee's handlers for Node.js: what the conformance suite asks a runtime to load and to call.
//
// `conf.main` does what the event's `op` says. What is read from `_HANDLER` at load makes the other names mean what the contract says.
'use strict';

const { createHash } = require('node:crypto');

const handlerName = process.env._HANDLER || '';
let calls = 0;

function waitSync(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

if (handlerName === 'conf.boom_import') throw new Error('raised while loading');
if (handlerName === 'conf.exit_import') process.exit(7);
if (handlerName === 'conf.slow_import') waitSync(300);
const loadedMs = Date.now();

class ConfError extends Error {}

function remaining(context) {
  return [Date.now(), context.getRemainingTimeInMillis(), Date.now()];
}

function raise(event) {
  const error = new ConfError(event.length === undefined ? event.message : 'x'.repeat(event.length));
  error.name = event.type ?? 'ConfError';
  throw error;
}

class NoText extends Error {
  get message() {
    throw new Error('no text');
  }
}

function recurse() {
  return recurse() + 1;
}

const oddErrors = {
  'no-text': () => {
    throw new NoText();
  },
  recursion: recurse,
  depth: () => {
    Error.stackTraceLimit = 10000;
    try {
      recurse();
    } finally {
      Error.stackTraceLimit = 10;
    }
  },
};

const results = {
  none: () => undefined,
  true: () => true,
  integer: () => 42,
  fraction: () => 1.5,
  text: () => 'a "text"',
  list: () => [1, 'two', null],
  object: () => ({ a: { b: [] } }),
  unserialisable: () => 1n,
  cycle: () => {
    const ring = [];
    ring.push(ring);
    return ring;
  },
  nan: () => NaN,
  infinity: () => [Infinity],
  surrogate: () => 'a\ud800b',
};

const operations = {
  echo: (event) => (event.value === undefined ? null : event.value),
  digest: (event) => {
    const data = Buffer.from(event.value, 'utf8');
    return { length: data.length, sha256: createHash('sha256').update(data).digest('hex') };
  },
  pid: () => process.pid,
  counter: () => ({ count: ++calls, pid: process.pid, loaded_ms: loadedMs }),
  context: async (event, context) => {
    const first = remaining(context);
    await new Promise((resolve) => setTimeout(resolve, event.wait_ms ?? 0));
    return {
      request_id: context.awsRequestId,
      function_arn: context.invokedFunctionArn,
      remaining: [first, remaining(context)],
      client_context: context.clientContext ?? null,
      identity_id: context.identity?.cognitoIdentityId ?? null,
      identity_pool_id: context.identity?.cognitoIdentityPoolId ?? null,
      tenant_id: context.tenantId ?? null,
      function_name: context.functionName,
      function_version: context.functionVersion,
      memory_mb: context.memoryLimitInMB,
      log_group: context.logGroupName,
      log_stream: context.logStreamName,
    };
  },
  raise,
  'raise-odd': (event) => oddErrors[event.kind](),
  return: (event) => results[event.kind](),
  fill: (event) => 'x'.repeat(event.length),
  env: (event) => Object.fromEntries(event.names.map((name) => [name, process.env[name] ?? null])),
  print: (event) => {
    console.log(event.text ?? 'printed');
    return 'printed';
  },
  sleep: async (event) => {
    await new Promise((resolve) => setTimeout(resolve, event.ms));
    return event.value ?? null;
  },
  trace: async (event) => {
    const before = process.env._X_AMZN_TRACE_ID ?? null;
    await new Promise((resolve) => setTimeout(resolve, event.ms));
    return { traces: [before, process.env._X_AMZN_TRACE_ID ?? null], value: event.value };
  },
  log: (event) => {
    console.warn(event.text);
    return 'logged';
  },
  exit: (event) => process.exit(event.status),
  'hard-exit': (event) => process.reallyExit(event.status),
};

async function main(event, context) {
  const operation = event !== null && typeof event === 'object' ? operations[event.op] : undefined;
  return operation ? operation(event, context) : event;
}

async function writePieces(event, stream) {
  for (let number = 0; number <= event.pieces; number++) {
    if (number === event.fail_at) raise(event);
    if (number === event.pieces) break;
    if (number) await new Promise((resolve) => setTimeout(resolve, event.ms));
    stream.write(`piece ${number}\n`);
  }
  stream.end();
}

// Only a runtime that can stream has these globals.
if (globalThis.awslambda) {
  exports.stream = awslambda.streamifyResponse(writePieces);
  exports.http_stream = awslambda.streamifyResponse((event, stream) => {
    const head = { statusCode: 201, headers: { 'X-Conformance': 'yes' } };
    return writePieces(event, awslambda.HttpResponseStream.from(stream, head));
  });
}

exports.main = main;
exports.other = async () => 'other';
exports.slow_import = exports.boom_import = exports.exit_import = main;
