/** Refusals of what was asked for, in words for the caller. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
  readonly code: 'invalid_argument' | 'too_large'

  constructor(message: string, code: 'invalid_argument' | 'too_large' = 'invalid_argument') {
    super(message)
    this.code = code
  }
}

/** What a caller wrote, for a message: in quotes, and no more of it than helps. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}

/** The token of a session is none of this cluster: the answer does not give it back. */
export class BadToken extends BadRequest {}
