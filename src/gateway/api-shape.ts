import type { Code } from '../wire/failure.ts'

// What an entry of the table of calls may say. Everything in it is JSON Schema 2020-12, which is
// also what OpenAPI 3.1 holds: the same objects read requests and describe them.

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH'

/** `title` says in words what a value must be, where the rest of the schema does not. */
interface Told {
  readonly title?: string
  readonly description?: string
}

interface WholeNumber extends Told {
  readonly type: 'integer'
  readonly minimum: number
  readonly maximum: number
  readonly default?: number
}

interface Choice extends Told {
  readonly type: 'string'
  readonly enum: readonly string[]
  readonly default?: string
}

interface Text extends Told {
  readonly type: 'string'
  readonly pattern?: string
  readonly title: string
}

interface YesOrNo extends Told {
  readonly type: 'boolean'
  readonly default?: boolean
}

/** What can stand in a query or a header, where everything comes as text. */
export type ParameterSchema = WholeNumber | Choice | Text | YesOrNo

/** By name; those of headers in lower case. */
export type Parameters = Readonly<Record<string, ParameterSchema>>

/** What a parameter is after it was read. */
export type ValueOf<S> = S extends { readonly type: 'integer' }
  ? number
  : S extends { readonly type: 'boolean' }
    ? boolean
    : S extends { readonly enum: readonly (infer Choices)[] }
      ? Choices
      : string

/** The parameters that came. */
export type ValuesOf<P extends Parameters> = { readonly [Name in keyof P]?: ValueOf<P[Name]> }

/** A body: `bytes` as they are, or JSON of a schema. `required` false: it may be empty. */
export type BodyShape =
  | { readonly type: 'bytes'; readonly description: string }
  | { readonly type: 'json'; readonly required: boolean; readonly schema: object }

export interface AnswerShape {
  readonly description: string
  /** Media type and what is in it. Absent: no body. */
  readonly content?: readonly [type: string, schema: object]
  /** Names of RESPONSE_HEADERS. */
  readonly headers?: readonly string[]
}

/** One call of the API. */
export interface ApiCall {
  readonly method: Method
  /** Public; `{name}` stands for the rest of the path, or for what is before the rest of this. */
  readonly path: `/${string}`
  readonly summary: string
  readonly description?: string
  /** Answers HEAD as well. Only with GET. */
  readonly head?: true
  /** Whoever may connect may call it, with a token or without. */
  readonly open?: true
  readonly query: Parameters
  readonly headers: Parameters
  readonly body?: BodyShape
  /** By status. */
  readonly answers: Readonly<Record<number, AnswerShape>>
  readonly problems: readonly Code[]
}
