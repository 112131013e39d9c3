import { Compile, type XStatic } from 'typebox/schema'
import { utf8Text } from '../wire/bytes.ts'
import { BadRequest, quote } from './bad-request.ts'

/** What the validator says about a body; see typebox/error. */
interface Objection {
  readonly keyword: string
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
    throw new BadRequest(sentence(schema, objections))
  }
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Text(body) ?? '')
  } catch {
    throw new BadRequest('the body is not JSON')
  }
}

function sentence(schema: object, objections: readonly Objection[]): string {
  const strange = objections.find(({ keyword }) => keyword === 'additionalProperties')
  const first = strange ?? objections[0]
  if (first === undefined) return 'the body is not what this call takes'
  const { keyword, instancePath, params, message } = first
  const steps = instancePath.split('/').slice(1)
  const where = steps.length === 0 ? 'the body' : steps.join('.')
  if (keyword === 'additionalProperties' && 'additionalProperties' in params) {
    return `unknown field ${quote(firstOf(params.additionalProperties))} in ${where}`
  }
  if (keyword === 'required' && 'requiredProperties' in params) {
    return `${where} lacks the field ${quote(firstOf(params.requiredProperties))}`
  }
  if (steps.length === 0 && keyword === 'type') return 'the body is not a JSON object'
  const title = titleAt(schema, steps)
  return `${where} ${title === undefined ? message : `must be ${title}`}`
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
