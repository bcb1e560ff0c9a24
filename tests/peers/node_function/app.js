// The function AWS's Node.js client runs: the event says what to do.
let calls = 0;

exports.handler = async (event, context) => {
  calls += 1;
  if (event.do === "raise") throw new RangeError("no such bird: kestrel");
  return { event, call: calls, request_id: context.awsRequestId };
};
