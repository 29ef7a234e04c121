// Whether a request may open a socket: a bearer token in JWT form, signed with HS256, as the local cloud's are.
import { createHmac, timingSafeEqual } from 'node:crypto'

export function admits(authorization, secret) {
  const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1] ?? ''
  const [head, body, signature] = token.split('.')
  if (!signature) return false
  const expected = createHmac('sha256', secret).update(`${head}.${body}`).digest()
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false
  const { exp } = JSON.parse(Buffer.from(body, 'base64url').toString())
  return exp > Date.now() / 1000
}
