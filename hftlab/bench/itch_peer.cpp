// A plain, fast ITCH 5.0 order book to compare hftlab's with: reads a file of length-prefixed messages into memory, keeps
// every order in an array by its reference, which is fast and never gives memory back, and every price level in a
// vector, best last. Prints one JSON object: nanoseconds of processor time per message of each round, and every symbol's
// best bid and offer at the end (price in 1e-4, shares, orders).
//
//     itch_peer FILE ROUNDS

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

static uint16_t u16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
static uint32_t u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static uint64_t u64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }

struct Level { uint32_t price; uint32_t orders; uint64_t shares; };

struct Side {
    std::vector<Level> levels;  // the best is the last
    bool is_sell = false;

    Level *find(uint32_t price, bool add) {
        auto at = levels.end();
        while (at != levels.begin()) {
            uint32_t other = (at - 1)->price;
            if (other == price) return &*(at - 1);
            if (is_sell ? other > price : other < price) break;
            --at;
        }
        return add ? &*levels.insert(at, Level{price, 0, 0}) : nullptr;
    }
    void add(uint32_t price, uint32_t shares) {
        Level *level = find(price, true);
        level->shares += shares;
        level->orders += 1;
    }
    void take(uint32_t price, uint32_t shares, bool gone) {
        Level *level = find(price, false);
        level->shares -= shares;
        level->orders -= gone;
        if (level->orders == 0) levels.erase(levels.begin() + (level - levels.data()));
    }
};

struct Order { uint32_t price; uint32_t shares; };  // bit 31 of shares: sell; 0 shares: no order

struct Book { Side bids, asks; char symbol[9] = {}; };

struct Machine {
    std::vector<std::unique_ptr<Book>> books = std::vector<std::unique_ptr<Book>>(65536);
    std::vector<Order> orders;
    uint64_t messages = 0;

    Order &order(uint64_t reference) {
        if (reference >= orders.size()) orders.resize(reference * 2 + 1024);
        return orders[reference];
    }
    Side &side(uint16_t locate, bool sell) { return sell ? books[locate]->asks : books[locate]->bids; }

    void add(uint16_t locate, uint64_t reference, bool sell, uint32_t shares, uint32_t price) {
        order(reference) = Order{price, shares | (sell ? 1u << 31 : 0)};
        side(locate, sell).add(price, shares);
    }
    void take(uint16_t locate, Order &order, uint32_t shares) {
        uint32_t left = order.shares & 0x7FFFFFFF;
        if (left == 0) return;
        side(locate, order.shares >> 31).take(order.price, shares, shares == left);
        order.shares = shares == left ? 0 : order.shares - shares;
    }
    void remove(uint16_t locate, Order &order) { take(locate, order, order.shares & 0x7FFFFFFF); }
    void directory(uint16_t locate, const uint8_t *symbol) {
        auto book = std::make_unique<Book>();
        memcpy(book->symbol, symbol, 8);
        for (int at = 7; at >= 0 && book->symbol[at] == ' '; --at) book->symbol[at] = 0;
        book->asks.is_sell = true;
        books[locate] = std::move(book);
    }
    void message(const uint8_t *p) {
        uint16_t locate = u16(p + 1);
        switch (p[0]) {
        case 'A': case 'F': add(locate, u64(p + 11), p[19] == 'S', u32(p + 20), u32(p + 32)); break;
        case 'D': remove(locate, order(u64(p + 11))); break;
        case 'E': case 'C': case 'X': take(locate, order(u64(p + 11)), u32(p + 19)); break;
        case 'U': {
            Order &old = order(u64(p + 11));
            if (old.shares == 0) break;
            bool sell = old.shares >> 31;
            remove(locate, old);
            add(locate, u64(p + 19), sell, u32(p + 27), u32(p + 31));
            break;
        }
        case 'R': directory(locate, p + 11); break;
        default: break;
        }
    }
    void run(const std::vector<uint8_t> &data) {
        const uint8_t *p = data.data(), *end = p + data.size();
        while (p + 2 <= end && p + 2 + u16(p) <= end) {
            message(p + 2);
            p += 2 + u16(p);
            ++messages;
        }
    }
};

static std::string best(const Side &side) {
    if (side.levels.empty()) return "null";
    const Level &level = side.levels.back();
    return "[" + std::to_string(level.price) + "," + std::to_string(level.shares) + "," + std::to_string(level.orders) + "]";
}

int main(int argc, char **argv) {
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : nullptr;
    if (!file) return 2;
    std::vector<uint8_t> data;
    uint8_t block[1 << 16];
    for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;) data.insert(data.end(), block, block + count);
    fclose(file);
    std::string rounds, tops;
    for (int round = 0; round < atoi(argv[2]); ++round) {
        auto machine = std::make_unique<Machine>();
        std::clock_t start = std::clock();
        machine->run(data);
        double taken = 1e9 * double(std::clock() - start) / CLOCKS_PER_SEC;
        rounds += (round ? "," : "") + std::to_string(taken / double(machine->messages));
        tops.clear();
        for (const auto &book : machine->books)
            if (book)
                tops += std::string(tops.empty() ? "" : ",") + "\"" + book->symbol + "\":[" + best(book->bids) + "," +
                        best(book->asks) + "]";
    }
    printf("{\"ns\":[%s],\"tops\":{%s}}\n", rounds.c_str(), tops.c_str());
}
