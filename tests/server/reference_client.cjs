// A client written from nothing but the reference document: node reference_client.cjs URL SYMBOL COUNT
// Prints the welcome, the acknowledgement and COUNT market data messages as one JSON array.
const WebSocket = require('ws');
const [url, symbol, count] = [process.argv[2], process.argv[3], +process.argv[4]];
const received = [];
const socket = new WebSocket(`${url}/ws`);

function finish(code) {
  process.stdout.write(JSON.stringify(received), () => process.exit(code));
}

socket.on('open', () => {
  socket.send(JSON.stringify({
    type: 'SUBSCRIBE',
    timestamp: Date.now(),
    symbols: [symbol],
    dataTypes: ['QUOTES', 'ORDER_BOOK'],
    frequency: 100,
  }));
});

socket.on('message', (data) => {
  // The document's own checks: "Parse" and "validateIncomingMessage".
  const message = JSON.parse(data.toString());
  if (!message.type || !message.timestamp || typeof message.timestamp !== 'number') {
    throw new Error(`Invalid message structure: ${data}`);
  }
  received.push(message);
  if (received.filter((one) => one.type === 'MARKET_DATA').length === count) {
    socket.close();
    finish(0);
  }
});

socket.on('error', (error) => { console.error(error); finish(1); });
socket.on('close', () => finish(1));
setTimeout(() => finish(1), 30000);
