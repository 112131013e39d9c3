type Code = 'invalid_argument' | 'too_large'

/** Refusals of what was asked for, in words for the caller. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly code: Code
  /** The token of the session is none of this cluster: the answer does not give it back. */
  readonly ofToken: boolean

  constructor(message: string, code: Code = 'invalid_argument', ofToken = false) {
    super(message)
    this.code = code
    this.ofToken = ofToken
  }
}

/** What a caller wrote, for a message: in quotes, and no more of it than helps. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
