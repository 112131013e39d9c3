import type { ParameterSchema, Parameters, ValuesOf } from './api-shape.ts'
import { BadRequest, quote } from './bad-request.ts'

// Readers of queries and headers, made of their schemas once, when the door opens.

/** Throws BadRequest. */
type Read = (name: string, text: string) => unknown

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const NONE: Readonly<Record<string, never>> = Object.freeze({})

/**
 * Reads the query of a URL (all of it, as it came). The result throws BadRequest at a name that is
 * not in `parameters`, or stands there twice, and at values that are not what their schema says.
 */
export function queryReader<P extends Parameters>(parameters: P): (url: string) => ValuesOf<P> {
  const readers = new Map(
    Object.entries(parameters).map(([name, schema]) => [name, reader(schema)])
  )
  const known = [...readers.keys()].join(', ') || 'none'
  return (url) => {
    const at = url.indexOf('?')
    if (at < 0) return NONE as ValuesOf<P>
    const values: Record<string, unknown> = {}
    for (const [name, text] of new URLSearchParams(url.slice(at + 1))) {
      const read = readers.get(name)
      if (read === undefined) {
        throw new BadRequest(`unknown query parameter ${quote(name)}; this call takes: ${known}`)
      }
      if (Object.hasOwn(values, name)) throw new BadRequest(`${name} is given twice`)
      values[name] = read(name, text)
    }
    return values as ValuesOf<P>
  }
}

/**
 * Reads the headers of `parameters`. The result throws BadRequest at values that are not what their
 * schema says, and at headers of `meaningful` that `parameters` has not: they would change what the
 * call means, and must not be passed over.
 */
export function headerReader<P extends Parameters>(
  parameters: P,
  meaningful: readonly string[]
): (headers: Headers) => ValuesOf<P> {
  const readers = Object.entries(parameters).map(
    ([name, schema]) => [name, reader(schema), spelling(name)] as const
  )
  const strange = meaningful.filter((name) => !Object.hasOwn(parameters, name))
  return (headers) => {
    for (const name of strange) {
      if (headers[name] === undefined) continue
      throw new BadRequest(`this call does not take the header ${spelling(name)}`)
    }
    let values: Record<string, unknown> | undefined
    for (const [name, read, spelled] of readers) {
      const text = headers[name]
      if (text === undefined) continue
      values ??= {}
      values[name] = read(spelled, String(text))
    }
    return (values ?? NONE) as ValuesOf<P>
  }
}

function reader(schema: ParameterSchema): Read {
  if (schema.type === 'integer') {
    const { minimum, maximum, title } = schema
    const what = title ?? `a whole number from ${minimum} to ${maximum}`
    return (name, text) => {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
      if (value >= minimum && value <= maximum) return value
      throw new BadRequest(`${name} must be ${what}`)
    }
  }
  if (schema.type === 'boolean') {
    return (name, text) => {
      if (text === 'true' || text === 'false') return text === 'true'
      throw new BadRequest(`${name} must be true or false`)
    }
  }
  if ('enum' in schema) {
    const what = schema.title ?? schema.enum.join(' or ')
    return (name, text) => {
      if (schema.enum.includes(text)) return text
      throw new BadRequest(`${name} must be ${what}`)
    }
  }
  const pattern = new RegExp(schema.pattern ?? '', 'u')
  return (name, text) => {
    if (pattern.test(text)) return text
    throw new BadRequest(`${name} must be ${schema.title}`)
  }
}

/** As people know it: `If-Match`. */
function spelling(name: string): string {
  return name.startsWith('keymesh-') ? name : name.replace(/(^|-)[a-z]/g, (a) => a.toUpperCase())
}
