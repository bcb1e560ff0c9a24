// The function AWS's Node.js client runs: the event says what to do.
let calls = 0;

exports.handler = async (event, context) => {
  calls += 1;
  if (event.do === "raise") throw new RangeError("no such bird: kestrel");
  return { event, call: calls, request_id: context.awsRequestId };
};

// `awslambda` is the client's own.
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
  calls += 1;
  stream.write(`call ${calls} `);
  if (event.do === "raise") throw new RangeError("no such bird: kestrel");
  stream.end("answered");
});
