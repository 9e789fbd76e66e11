// A client typed with the reference document's own interfaces trades: node typed_trader.js URL TOKEN
// Prints what it was told, once its second order is filled and its position is flat again.
import WebSocket from 'ws';
import {
  MessageType, MessageValidator, OrderStatus, OrderUpdateMessage, PositionUpdateMessage, WebSocketMessage,
} from './reference';

const [url, token] = [process.argv[2], process.argv[3]];
const validator = new MessageValidator();
const seen: { types: string[]; orders: OrderUpdateMessage[]; positions: PositionUpdateMessage[] } = {
  types: [], orders: [], positions: [],
};
const socket = new WebSocket(url);

function isOrderUpdate(message: WebSocketMessage): message is OrderUpdateMessage {
  return message.type === MessageType.ORDER_UPDATE;
}

function isPositionUpdate(message: WebSocketMessage): message is PositionUpdateMessage {
  return message.type === MessageType.POSITION_UPDATE;
}

function send(message: { type: string; [field: string]: unknown }): void {
  socket.send(JSON.stringify({ timestamp: Date.now(), ...message }));
}

function order(clientOrderId: string, side: 'BUY' | 'SELL', quantity: number): void {
  send({ type: 'NEW_ORDER', id: clientOrderId, clientOrderId, symbol: 'AAPL', side, orderType: 'MARKET', quantity });
}

// Every field that an interface promises is there with its type; the compiler knows them, the test the values.
function checkOrder(one: OrderUpdateMessage): void {
  const texts: string[] = [one.orderId, one.clientOrderId, one.symbol, one.side, one.orderType, one.status, one.updateType];
  const numbers: number[] = [one.quantity, one.filledQuantity, one.remainingQuantity];
  const optional: (number | undefined)[] = [
    one.price, one.averagePrice, one.lastFillPrice, one.lastFillQuantity, one.commission,
  ];
  if (texts.some((value) => typeof value !== 'string') || numbers.some((value) => typeof value !== 'number')
    || optional.some((value) => value !== undefined && typeof value !== 'number')
    || (one.reason !== undefined && typeof one.reason !== 'string') || !(one.status in OrderStatus)) {
    throw new Error(`not as promised: ${JSON.stringify(one)}`);
  }
}

function checkPosition(one: PositionUpdateMessage): void {
  const numbers: number[] = [
    one.quantity, one.averagePrice, one.currentPrice, one.marketValue, one.unrealizedPnL, one.realizedPnL, one.dayPnL,
  ];
  if (numbers.some((value) => typeof value !== 'number') || !['LONG', 'SHORT', 'FLAT'].includes(one.side)) {
    throw new Error(`not as promised: ${JSON.stringify(one)}`);
  }
}

socket.on('open', () => send({ type: 'AUTH', token }));

socket.on('message', (data: WebSocket.RawData) => {
  const message = validator.validateIncomingMessage(JSON.parse(data.toString()));
  if (message === null) {
    throw new Error(`the document's validator refuses ${data}`);
  }
  const type: string = message.type;
  seen.types.push(type);
  if (type === 'AUTH_SUCCESS') {
    order('bought', 'BUY', 200);
  } else if (isOrderUpdate(message)) {
    checkOrder(message);
    seen.orders.push(message);
    if (message.clientOrderId === 'bought' && message.status === OrderStatus.FILLED) {
      order('refused', 'BUY', 100000000);
      order('sold', 'SELL', 200);
    }
  } else if (isPositionUpdate(message)) {
    checkPosition(message);
    seen.positions.push(message);
    if (message.side === 'FLAT') {
      process.stdout.write(JSON.stringify(seen), () => process.exit(0));
    }
  }
});
socket.on('error', (error: Error) => { console.error(error); process.exit(1); });
socket.on('close', () => process.exit(1));
setTimeout(() => process.exit(1), 30000);
