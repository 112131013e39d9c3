import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { expectDescribed } from './described.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly bytes: Buffer
  readonly text: string
}

export interface Question {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/**
 * Asks over a connection of its own, with `path` as it stands; the answer is one that
 * /openapi.json describes, or the test fails.
 */
export async function ask(
  url: URL,
  line: string,
  { headers = {}, body }: Question = {}
): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ')
  const { hostname, port } = url
  const answer = await new Promise<Answer>((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers, agent: false })
    request.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const { statusCode: status = 0 } = response
        resolve({ status, headers: plain(response.headers), bytes, text: bytes.toString() })
      })
    })
    request.end(body)
  })
  expectDescribed(method, path, answer)
  return answer
}

function plain(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

export function codeOf(answer: Answer): string {
  return errorIn(answer).code
}

export function messageOf(answer: Answer): string {
  return errorIn(answer).message
}

function errorIn({ text }: Answer): { readonly code: string; readonly message: string } {
  return (JSON.parse(text) as { readonly error: { code: string; message: string } }).error
}
