import { Compile, type XStatic } from 'typebox/schema'
import { utf8Text } from '../wire/bytes.ts'
import { BadRequest, quote } from './bad-request.ts'
import { fieldsIn, partsOf } from './json-scan.ts'

/** Over twice what the largest transaction has. Each takes memory that its bytes do not show. */
const PARTS_MAX = 65_536

/** What the validator says about a body; see typebox/error. */
interface Objection {
  readonly keyword: string
  readonly schemaPath: string
  readonly instancePath: string
  readonly params: object
  readonly message: string
}

/**
 * Reads JSON bodies of `schema`, which is compiled here, once. The result throws BadRequest. An
 * empty body is an object without fields: whether that is enough, the schema says.
 */
export function jsonReader<const S extends object>(schema: S): (body: Uint8Array) => XStatic<S> {
  const validator = Compile(schema)
  return (body) => {
    const value = body.length === 0 ? {} : parsed(body)
    if (validator.Check(value)) return value as XStatic<S>
    const [, objections] = validator.Errors(value)
    throw sentence(schema, objections)
  }
}

function parsed(body: Uint8Array): unknown {
  const { fields, marks } = partsOf(body)
  if (marks > PARTS_MAX) {
    throw new BadRequest('the body has more fields and items than any call takes', 'too_large')
  }
  let value: unknown
  try {
    value = JSON.parse(utf8Text(body) ?? '')
  } catch {
    throw new BadRequest('the body is not JSON')
  }
  // The other one would be passed over, and might have been a condition.
  if (fieldsIn(value) !== fields) throw new BadRequest('an object in the body has a field twice')
  return value
}

/** Inside a choice: that none of its forms fits, the choice says itself. */
const IN_CHOICE = /\/(?:anyOf|oneOf)\//

function sentence(schema: object, objections: readonly Objection[]): BadRequest {
  const plain = objections.filter(({ schemaPath }) => !IN_CHOICE.test(schemaPath))
  const saying = (word: string) => plain.find(({ keyword }) => keyword === word)
  const first = saying('additionalProperties') ?? saying('oneOf') ?? plain[0]
  if (first === undefined) return new BadRequest('the body is not what this call takes')
  const { keyword, instancePath, params, message } = first
  const steps = instancePath.split('/').slice(1)
  const where = steps.length === 0 ? 'the body' : steps.join('.')
  if (keyword === 'additionalProperties' && 'additionalProperties' in params) {
    return new BadRequest(
      `unknown field ${quote(firstOf(params.additionalProperties))} in ${where}`
    )
  }
  if (keyword === 'required' && 'requiredProperties' in params) {
    return new BadRequest(`${where} lacks the field ${quote(firstOf(params.requiredProperties))}`)
  }
  if (keyword === 'dependentRequired' && 'dependencies' in params && 'property' in params) {
    const { property, dependencies } = params
    const lacking = quote(firstOf(dependencies))
    return new BadRequest(`${where} lacks the field ${lacking} that goes with "${property}"`)
  }
  if (keyword === 'maxItems' && 'limit' in params) {
    return new BadRequest(`${where} has more than ${params.limit} items`, 'too_large')
  }
  if (steps.length === 0 && keyword === 'type')
    return new BadRequest('the body is not a JSON object')
  const title = titleAt(schema, steps)
  return new BadRequest(`${where} ${title === undefined ? message : `must be ${title}`}`)
}

function firstOf(names: unknown): string {
  return Array.isArray(names) ? String(names[0]) : ''
}

/** What the schema itself calls the field that `steps` lead to, or what holds it. */
function titleAt(schema: object, steps: readonly string[]): string | undefined {
  let title: string | undefined
  let at: unknown = schema
  for (const step of steps) {
    if (typeof at !== 'object' || at === null) break
    if ('items' in at) at = at.items
    else if ('properties' in at) at = (at.properties as Record<string, unknown>)[step]
    else break
    if (typeof at === 'object' && at !== null && 'title' in at) title = String(at.title)
  }
  return title
}
