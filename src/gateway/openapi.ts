import { CODES, type Code } from '../wire/failure.ts'
import { PROBLEM, RESPONSE_HEADERS } from './api-schemas.ts'
import type { AnswerShape, ApiCall, BodyShape, Parameters } from './api-shape.ts'

const JSON_TYPE = 'application/json'

/** What any call may be answered. */
const EVERYWHERE = ['invalid_argument', 'too_large', 'overloaded', 'internal'] as const
/** What calls are answered that are not open to all. */
const GUARDED = ['unauthenticated', 'forbidden'] as const

/** The OpenAPI 3.1 document of the table of calls. */
export function openApiDocument(calls: Readonly<Record<string, ApiCall>>): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, call] of Object.entries(calls)) {
    const at = paths[call.path] ?? {}
    paths[call.path] = at
    at[call.method.toLowerCase()] = operation(name, call)
    if (call.head) at.head = headOf(operation(`${name}Head`, call))
  }
  return {
    openapi: '3.1.1',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: {
      title: 'KeyMesh',
      version: 'v1',
      summary: 'A distributed key-value store.',
      description:
        'Any node answers any request. Query parameters that a call does not know are refused; ' +
        'only the probes and /metrics pass over any query.'
    },
    servers: [{ url: '/' }],
    // One of them: nothing is asked of callers on the machine of a node without a token.
    security: [{ token: [] }, {}],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: PROBLEM },
      headers: RESPONSE_HEADERS
    }
  }
}

function operation(operationId: string, call: ApiCall): object {
  const { summary, description, path, query, headers, body, answers, open } = call
  const problems = [...EVERYWHERE, ...(open ? [] : GUARDED), ...call.problems]
  const parameters = [
    ...(path.includes('{key}') ? [KEY] : []),
    ...(path.includes('{id}') ? [ID] : []),
    ...parametersIn('query', query),
    ...parametersIn('header', headers),
    ...FOLLOWED
  ]
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(open ? { security: [] } : {}),
    parameters,
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { ...responses(answers), ...problemResponses(problems, call) }
  }
}

const KEY = {
  name: 'key',
  in: 'path',
  required: true,
  description:
    'Percent-encoded; 1 to 4,096 bytes. A `/` may stand as it is. The keys `.` and `..`, and ' +
    'those that are not UTF-8, only with encoding=base64url.',
  schema: { type: 'string', minLength: 1 }
} as const

const ID = { name: 'id', in: 'path', required: true, schema: { type: 'string', minLength: 1 } }

/** Names a request in the logs: anything may stand there, so it is passed over, not refused. */
const FOLLOWED = [
  {
    name: 'traceparent',
    in: 'header',
    description: 'W3C Trace Context: its trace id names the request in the logs of all nodes.',
    schema: { type: 'string' }
  },
  {
    name: 'x-request-id',
    in: 'header',
    description: 'Names it without one: 1 to 64 of A-Z a-z 0-9 . _ : = + / -',
    schema: { type: 'string' }
  }
] as const

/** Any answer may have it. */
const TRACED = 'keymesh-trace'

function parametersIn(place: 'query' | 'header', parameters: Parameters): object[] {
  return Object.entries(parameters).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    ...(description === undefined ? {} : { description }),
    schema
  }))
}

function requestBody(body: BodyShape): object {
  if (body.type === 'bytes') {
    const { description } = body
    return { description, required: false, content: { 'application/octet-stream': {} } }
  }
  return { required: body.required, content: { [JSON_TYPE]: { schema: body.schema } } }
}

function responses(answers: ApiCall['answers']): Record<string, object> {
  return Object.fromEntries(Object.entries(answers).map(([status, a]) => [status, response(a)]))
}

function response({ description, content, headers }: AnswerShape): object {
  return {
    description,
    headers: headersNamed([...(headers ?? []), TRACED]),
    ...(content === undefined ? {} : { content: { [content[0]]: { schema: content[1] } } })
  }
}

function headersNamed(names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

/** The codes of one status share an entry. A status that has a meaning of its own keeps it. */
function problemResponses(
  codes: readonly Code[],
  { answers, headers }: ApiCall
): Record<string, object> {
  // A problem hands the session on as well.
  const always = Object.keys(headers).filter((name) => name in RESPONSE_HEADERS)
  const byStatus = Map.groupBy(new Set(codes), (code) => CODES[code].status)
  const entries = [...byStatus]
    .filter(([status]) => !(status in answers))
    .map(([status, codesOf]) => [String(status), problemResponse(codesOf, always)] as const)
  return Object.fromEntries(entries)
}

function problemResponse(codes: readonly Code[], always: readonly string[]): object {
  const headers = [...codes.flatMap((code) => HEADERS_OF[code] ?? []), ...always, TRACED]
  const code = { enum: codes }
  return {
    description: codes.map((name) => `\`${name}\`: ${CODES[name].advice}`).join(' '),
    headers: headersNamed(headers),
    content: {
      [JSON_TYPE]: {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            { properties: { error: { properties: { code } } } }
          ]
        }
      }
    }
  }
}

const HEADERS_OF: Partial<Record<Code, readonly string[]>> = {
  overloaded: ['Retry-After'],
  unauthenticated: ['WWW-Authenticate'],
  not_found: ['keymesh-staleness-ms'],
  conflict: ['ETag', 'keymesh-revision']
}

/** The same without content. */
function headOf(operationOfGet: object): object {
  const { responses: of } = operationOfGet as { readonly responses: Record<string, object> }
  const bare = Object.entries(of).map(([status, answer]) => {
    const { content: _, ...rest } = answer as { readonly content?: object }
    return [status, rest]
  })
  return { ...operationOfGet, responses: Object.fromEntries(bare) }
}
