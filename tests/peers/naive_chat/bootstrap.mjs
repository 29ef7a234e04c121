#!/usr/bin/env node
// What Lambda's Node.js runtime does, in short: asks the Runtime API for events, hands each to the handler that `_HANDLER`
// names, and posts what it answers.
import http from 'node:http'
import * as handlers from './handlers.mjs'

const { _HANDLER, AWS_LAMBDA_RUNTIME_API } = process.env
const [host, port] = AWS_LAMBDA_RUNTIME_API.split(':')
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host, port, method, path: `/2018-06-01/runtime/${path}` }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => resolve({ headers: response.headers, text: Buffer.concat(chunks).toString() }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

for (;;) {
  const { headers, text } = await call('GET', 'invocation/next')
  const path = `invocation/${headers['lambda-runtime-aws-request-id']}`
  try {
    const answer = await handlers[_HANDLER](JSON.parse(text))
    await call('POST', `${path}/response`, JSON.stringify(answer))
  } catch (error) {
    await call('POST', `${path}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }))
  }
}
