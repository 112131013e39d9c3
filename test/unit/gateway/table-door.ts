import { type HttpDoor, openHttp } from '../../../src/gateway/http.ts'
import { silent } from '../../../src/world/log.ts'
import { TableCalls } from './table-calls.ts'

/** The door on a real socket, without a token, and a table in place of the node behind it. */
export async function openTableDoor(): Promise<{ door: HttpDoor; calls: TableCalls }> {
  const calls = new TableCalls()
  const place = { host: '127.0.0.1', port: 0 }
  const door = await openHttp({ place, token: undefined, logger: silent })
  door.serve(calls)
  return { door, calls }
}
