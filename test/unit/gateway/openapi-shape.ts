// The parts of https://spec.openapis.org/oas/3.1/schema that documents of one file need, with the
// names of fields closed, so that a misspelt one is found.

const text = { type: 'string' } as const
const reference = {
  type: 'object',
  required: ['$ref'],
  additionalProperties: false,
  properties: { $ref: { type: 'string', pattern: '^#/components/' } }
} as const

const schema = { type: ['object', 'boolean'] } as const

function closed(required: readonly string[], properties: Readonly<Record<string, object>>): object {
  return { type: 'object', required, additionalProperties: false, properties }
}

const orReference = (one: object): object => ({ oneOf: [reference, one] })

const mapOf = (one: object): object => ({ type: 'object', additionalProperties: one })

const content = {
  ...mapOf(closed([], { schema })),
  propertyNames: { pattern: '^[a-z]+/[a-z.+-]+$' }
}

const header = closed(['schema'], { description: text, required: { type: 'boolean' }, schema })

const parameterIn = (places: object, required: object): object => ({
  properties: { in: places, required },
  required: 'const' in required ? ['required'] : []
})

const parameter = {
  ...closed(['name', 'in', 'schema'], {
    name: text,
    in: text,
    description: text,
    required: { type: 'boolean' },
    schema
  }),
  oneOf: [
    parameterIn({ const: 'path' }, { const: true }),
    parameterIn({ enum: ['query', 'header', 'cookie'] }, { type: 'boolean' })
  ]
}

const response = closed(['description'], {
  description: text,
  headers: mapOf(orReference(header)),
  content
})

const security = { type: 'array', items: mapOf({ type: 'array', items: text }) }

const operation = closed(['operationId', 'responses'], {
  operationId: text,
  summary: text,
  description: text,
  parameters: { type: 'array', uniqueItems: true, items: orReference(parameter) },
  requestBody: closed(['content'], { description: text, content, required: { type: 'boolean' } }),
  responses: {
    type: 'object',
    minProperties: 1,
    propertyNames: { pattern: '^([1-5][0-9][0-9]|default)$' },
    additionalProperties: orReference(response)
  },
  security
})

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

export const OPENAPI_3_1: object = closed(['openapi', 'info', 'paths'], {
  openapi: { type: 'string', pattern: '^3\\.1\\.[0-9]+$' },
  jsonSchemaDialect: text,
  info: closed(['title', 'version'], {
    title: text,
    version: text,
    summary: text,
    description: text
  }),
  servers: { type: 'array', items: closed(['url'], { url: text }) },
  security,
  paths: {
    type: 'object',
    propertyNames: { pattern: '^/' },
    additionalProperties: closed([], Object.fromEntries(METHODS.map((one) => [one, operation])))
  },
  components: closed([], {
    schemas: mapOf(schema),
    headers: mapOf(header),
    securitySchemes: mapOf(closed(['type', 'scheme'], { type: text, scheme: text }))
  })
})
