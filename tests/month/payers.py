"""The three payers of the month, each with its habits."""

from tests.factories import today
from tests.month.stage import PayersMonth, cents, in_messages, money, of_bank
from tests.payer_documents import Guide, Paid, analysis, message, payment

TODAY = today().isoformat()


class AnalysisThenPayment(PayersMonth):
    """Analyses of several protocols in one message; the payment comes later as the same statements with their day.

    Every fifth claim is denied 20.00 with 1705, every eleventh in full with 1801.
    """

    def _guide(self, place: int) -> Guide:
        if place % 11 == 0:
            return self.guide(place, paid="0.00", denials=(("1801", "100.00"),))
        if place % 5 == 0:
            return self.guide(place, paid="80.00", denials=(("1705", "20.00"),))
        return self.guide(place)

    async def live(self) -> dict[str, int]:
        """The month; its books in cents."""
        await self.bill()
        statements = [
            analysis(self.world, f"AN-{number}", *[self._guide(place) for place in places], protocol=str(100 + number))
            for number, places in enumerate(self.lotes())
        ]
        documents = [message(self.world.payer, *each) for each in in_messages(statements)]
        for document in documents:
            await self.take(document)
        decided = await self.check(paid=0)
        assert await self.waiting() == 0
        for document in documents:
            paid = await self.take(document, paidOn=TODAY)
            await self.bank(of_bank("ofx"), *[cents(each["paidAmount"]) for each in paid])
        await self.check(paid=decided["awaiting"], awaiting=0)
        return await self.end()


class DenialsOfGuides(PayersMonth):
    """Denials of whole guides, recalculations without a reason and overpayments, paid by the statement itself.

    Every seventh claim is denied with 3052 for the guide; of the others every fifth is recalculated to 80.00, every
    ninth is paid 110.00.
    """

    def _guide(self, place: int) -> Guide:
        if place % 7 == 0:
            values = {"reason": "3052", "denied": "100.00", "paid_in_all": "0.00"}
            return self.guide(place, paid="0.00", processed="0.00", **values)
        if place % 5 == 1:
            return self.guide(place, paid="80.00", processed="80.00")
        if place % 9 == 2:
            return self.guide(place, paid="110.00", processed="110.00")
        return self.guide(place)

    async def live(self) -> dict[str, int]:
        """The month; its books in cents."""
        await self.bill()
        taken = []
        for number, places in enumerate(self.lotes()):
            statement = analysis(self.world, f"DG-{number}", *[self._guide(place) for place in places])
            taken += await self.take(message(self.world.payer, statement), paidOn=TODAY)
        others = [place for place in range(self.count) if place % 7]
        recalculated = [place for place in others if place % 5 == 1]
        overpaid = [place for place in others if place % 5 != 1 and place % 9 == 2]
        assert await self.waiting() == len(recalculated) + len(overpaid)
        assert await self.resolve("AMOUNTS_DIFFER", acceptAsDenial={"code": "1705"}) == len(recalculated)
        assert await self.resolve("AMOUNTS_DIFFER", acceptOverpayment={}) == len(overpaid)
        for each in taken:
            await self.post(each["id"])
        await self.bank(of_bank("cnab"), *[cents(each["paidAmount"]) for each in taken])
        dispute = 20_00 * len(recalculated) + 100_00 * (self.count - len(others))
        await self.check(inDispute=dispute, awaiting=0, paid=self.count * 100_00 - dispute)
        assert await self.unapplied() == 10_00 * len(overpaid)
        return await self.end()


class NetOfTax(PayersMonth):
    """Analyses, then payments of protocols net of IRRF 1.5 % and PCC 4.65 %.

    The last statement pays the last fifth of the claims and takes back every tenth of the earlier payments.
    """

    async def live(self) -> dict[str, int]:
        """The month; its books in cents."""
        await self.bill()
        first_of_last = self.count - self.count // 5
        for number, places in enumerate(self.lotes()):
            await self._analyse_and_pay(number, [place for place in places if place < first_of_last])
        withheld = (await self.books())["withheld"]
        await self.check(paid=first_of_last * 100_00 - withheld)
        late, back = range(first_of_last, self.count), range(0, first_of_last, 10)
        guides = [self.guide(place) for place in late] + [self.guide(place, paid="-100.00") for place in back]
        await self.take(message(self.world.payer, analysis(self.world, "NT-LAST", *guides)), paidOn=TODAY)
        await self.bank(of_bank("ofx_xml"), 100_00 * (len(late) - len(back)))
        await self.check(awaiting=100_00 * len(back), withheld=withheld)
        return await self.end()

    async def _analyse_and_pay(self, number: int, places: list[int]) -> None:
        protocol, billed = str(500 + number), len(places) * 100_00
        if not places:
            return
        guides = [self.guide(place) for place in places]
        statement = analysis(self.world, f"NT-{number}", *guides, protocol=protocol)
        await self.take(message(self.world.payer, statement))
        irrf, pcc = billed * 150 // 10_000, billed * 465 // 10_000
        net = billed - irrf - pcc
        debits = (("1", "01", money(irrf)), ("1", "02", money(pcc)))
        paid = Paid(money(billed), money(billed), protocol)
        document = payment(self.world, f"PG-{number}", TODAY, debits=debits, net=money(net), paid=paid)
        await self.take(message(self.world.payer, document))
        await self.bank(of_bank("ofx_xml"), net)
