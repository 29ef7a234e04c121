// The peer of `bench chat-cost`: the two handlers with which a chat on API Gateway, Lambda and DynamoDB usually begins.
//
// `connect` stores who is in which room; `sendMessage` stores the message, reads who is in the room, and posts to each. It asks
// nobody whether the sender may, numbers nothing, and stores what is sent twice twice.
import { randomUUID } from 'node:crypto'
import { ApiGatewayManagementApiClient, PostToConnectionCommand } from '@aws-sdk/client-apigatewaymanagementapi'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DeleteCommand, DynamoDBDocumentClient, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'

const { CONNECTIONS_TABLE, MESSAGES_TABLE, WS_ENDPOINT } = process.env
const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient({}))
const sockets = new ApiGatewayManagementApiClient({ endpoint: WS_ENDPOINT })

export async function connect({ requestContext: { connectionId, connectedAt }, queryStringParameters: { room } }) {
  await dynamo.send(new PutCommand({ TableName: CONNECTIONS_TABLE, Item: { room, connectionId, connectedAt } }))
  return { statusCode: 200 }
}

export async function sendMessage({ requestContext: { connectionId }, body }) {
  const { id, data } = JSON.parse(body)
  const message = {
    message_id: randomUUID(),
    conversation_id: data.conversation_id,
    sender_id: connectionId,
    sender_type: 'customer',
    type: 'text',
    content: data.content,
    client_message_id: data.client_message_id,
    created_at: new Date().toISOString(),
  }
  const Item = { room: message.conversation_id, at: `${message.created_at}#${message.message_id}`, ...message }
  await dynamo.send(new PutCommand({ TableName: MESSAGES_TABLE, Item }))
  const { Items } = await dynamo.send(
    new QueryCommand({
      TableName: CONNECTIONS_TABLE,
      KeyConditionExpression: 'room = :room',
      ExpressionAttributeValues: { ':room': message.conversation_id },
    }),
  )
  const event = { id: randomUUID(), channel: `conversation:${message.conversation_id}`, type: 'chat.message.created' }
  const Data = JSON.stringify({ ...event, timestamp: Date.now(), data: { message } })
  await Promise.all(Items.map((connection) => post(connection, Data)))
  const { message_id, created_at } = message
  return { statusCode: 200, body: JSON.stringify({ type: 'ack', reply_to: id, data: { message_id, created_at } }) }
}

async function post({ room, connectionId }, Data) {
  try {
    await sockets.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data }))
  } catch (error) {
    if (error.name !== 'GoneException') throw error
    await dynamo.send(new DeleteCommand({ TableName: CONNECTIONS_TABLE, Key: { room, connectionId } }))
  }
}
