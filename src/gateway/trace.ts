/** What an answer says which request it was for, in the logs of all nodes it passed by. */
export const TRACE_HEADER = 'keymesh-trace'

/** W3C Trace Context: version, trace id, parent id, flags; later versions may add more behind. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/
const NO_TRACE = /^0+$/
const REQUEST_ID = /^[A-Za-z0-9._:=+/-]{1,64}$/

/** By their names in lower case, as Node.js gives them. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * By what name a caller follows a request: the trace id of `traceparent`, else `x-request-id`.
 * Empty: by none. What is malformed is passed over, as those who add such headers expect.
 */
export function traceIn(headers: Headers): string {
  const { traceparent, 'x-request-id': id } = headers
  if (typeof traceparent === 'string') {
    const trace = TRACEPARENT.exec(traceparent)?.[1]
    if (trace !== undefined && !NO_TRACE.test(trace)) return trace
  }
  return typeof id === 'string' && REQUEST_ID.test(id) ? id : ''
}
