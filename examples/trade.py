"""Trade at the simulated exchange: buy, leave an order in the book, sell, and look at the account.

A second client of the same account finds everything as the first one has left it.
"""

import hftlab as hl


def main() -> None:
    terms = {"alice": hl.trading.AccountTerms(cash=100_000)}
    with hl.serve(hl.simulator.Exchange(seed=7), port=0, accounts=terms) as server:
        with hl.connect(server.url, account="alice") as client:
            trading = client.trading
            bought = trading.buy("AAPL", 100).wait(timeout=10)  # at the market
            print(bought)
            resting = trading.buy("AAPL", 50, price=round(trading.fills[-1].price * 0.9, 2))
            resting.replace(quantity=60)
            print(trading.open_orders)
            sold = trading.sell("AAPL", 40).wait(timeout=10)
            print(sold)
            refused = trading.buy("AAPL", 1_000_000)
            print(refused.status, "-", refused.reason)
            print(trading.fills)
        assert (bought.status, sold.status, refused.status) == ("FILLED", "FILLED", "REJECTED")

        with hl.connect(server.url, account="alice") as client:
            trading = client.trading
            print(trading.positions)
            print(trading.portfolio)
            assert trading.positions["AAPL"].quantity == 60
            assert [order.quantity for order in trading.open_orders] == [60]
            trading.cancel_all()
            assert not trading.open_orders


if __name__ == "__main__":
    main()
