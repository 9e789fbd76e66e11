// A client typed with the reference document's own interfaces, which the test puts into ./reference.
import WebSocket from 'ws';
import {
  DataType, MarketDataMessage, MarketDataSymbol, MessageType, OrderBookLevel, SubscribeMessage, WebSocketMessage,
} from './reference';

const [url, symbol, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const seen: { types: string[]; prices: number[]; levels: number[] } = { types: [], prices: [], levels: [] };
const socket = new WebSocket(url);

function isMarketData(message: WebSocketMessage): message is MarketDataMessage {
  return message.type === MessageType.MARKET_DATA;
}

// Every field that an interface promises is there with its type; the compiler knows them, the test the values.
function check(one: MarketDataSymbol): void {
  const numbers: number[] = [
    one.price, one.bid, one.ask, one.bidSize, one.askSize, one.volume, one.change, one.changePercent,
    one.high, one.low, one.open, one.previousClose, one.timestamp,
  ];
  const texts: string[] = [one.symbol, one.exchange];
  const levels: OrderBookLevel[] = [...(one.bids ?? []), ...(one.asks ?? [])];
  if (numbers.some((value) => typeof value !== 'number') || texts.some((value) => typeof value !== 'string')) {
    throw new Error(`not as promised: ${JSON.stringify(one)}`);
  }
  if (levels.some((level) => typeof level.price !== 'number' || typeof level.orders !== 'number')) {
    throw new Error(`levels not as promised: ${JSON.stringify(levels)}`);
  }
  seen.prices.push(one.price);
  seen.levels.push(levels.length);
}

socket.on('open', () => {
  const request: SubscribeMessage = {
    type: 'SUBSCRIBE',
    timestamp: Date.now(),
    symbols: [symbol],
    dataTypes: [DataType.QUOTES, DataType.ORDER_BOOK],
    frequency: 100,
  };
  socket.send(JSON.stringify(request));
});

socket.on('message', (data: WebSocket.RawData) => {
  const message: WebSocketMessage = JSON.parse(data.toString());
  seen.types.push(message.type);
  if (isMarketData(message)) {
    message.symbols.forEach(check);
  }
  if (seen.prices.length === count) {
    process.stdout.write(JSON.stringify(seen), () => process.exit(0));
  }
});
socket.on('error', (error: Error) => { console.error(error); process.exit(1); });
socket.on('close', () => process.exit(1));
setTimeout(() => process.exit(1), 30000);
