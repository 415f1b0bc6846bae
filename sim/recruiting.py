"""The evening at the entrance: who was reached today, who joins, who brought them and what that earns.

Approaches come from paid channels, in each channel's own order of the market, and from members' news. Each finds a
person of the market, who is a member already (and was reached in vain) or decides. Whoever came by himself joins
first. Nothing here depends on the order of rows: where a person is approached several times on a day, keyed draws
say which approach comes first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim import network, rng
from sim.accounting import posting
from sim.accounting.books import KEPT
from sim.behaviour import answering, drifting, inviting, joining, pricing, spending, temperament
from sim.behaviour.day import NEVER, enrol, give_offer, join, meet, place_order
from sim.jit import kernel, rule
from sim.numbers import exp
from sim.population import BLOCK, RELATION
from sim.touch import APPEAL, Appeal, Entrance, table
from sim.world.channels import weekly_prices

APPROACH = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("place", "i8"), ("channel", "i8"), ("inviter", "i8"), ("stays", "i8"), ("tie", "f8"),
                ("trust", "f8"), ("turn", "f8"),
            ],
            align=True,
        ),
    )
)  # fmt: skip
"""One approach to one person.

place: his; channel: index in CHANNELS; inviter: the row of who told him, -1 for a channel; stays: 1 where that one is
attached; tie, trust: how close, and what he thinks of the operator; turn: which of a day's approaches comes first.
"""
CHANNEL_KEY = np.uint64(0x4348414E4E454C << 8)
"""Where the entity keys of channels begin."""
NOBODY = -1


@rule
def slot_of(keys: Any, key: Any) -> int:
    """Where a key stands in an open-addressing table, or the empty slot where it would (0 marks an empty one)."""
    most = keys.shape[0] - 1
    mixed = ((key ^ (key >> np.uint64(32))) & np.uint64(0xFFFFFFFF)) * np.uint64(0x9E3779B1)
    slot = int((mixed & np.uint64(0xFFFFFFFF)) >> np.uint64(7)) & most
    while keys[slot] != np.uint64(0) and keys[slot] != key:
        slot = (slot + 1) & most
    return slot


@kernel
def rehash(keys: Any, rows: Any, persuaded: Any, new_keys: Any, new_rows: Any, new_persuaded: Any) -> None:
    """Move a table into a larger one."""
    for old in range(keys.shape[0]):
        if keys[old] != np.uint64(0):
            slot = slot_of(new_keys, keys[old])
            new_keys[slot] = keys[old]
            new_rows[slot] = rows[old]
            new_persuaded[slot] = persuaded[old]


class Directory:
    """Persons of the market who were ever approached: the row of those who joined, how far the others are persuaded.

    Nobody else takes any memory. The members of day 0 are not in it: their places are their rows.
    """

    def __init__(self) -> None:
        self.count = 0
        self._make(1024)

    def _make(self, size: int) -> None:
        self.keys = np.zeros(size, dtype=np.uint64)
        self.rows = np.full(size, NOBODY, dtype=np.int32)
        self.persuaded = np.zeros(size)

    def reserve(self, more: int) -> None:
        """Make room for so many further persons."""
        size = len(self.keys)
        while 2 * (self.count + more) > size:
            size *= 2
        if size > len(self.keys):
            old = self.keys, self.rows, self.persuaded
            self._make(size)
            rehash(*old, self.keys, self.rows, self.persuaded)

    @property
    def bytes(self) -> int:
        """What it takes of memory."""
        return self.keys.nbytes + self.rows.nbytes + self.persuaded.nbytes


class Lineage:
    """Who brought whom, by row: his inviter, the last whom he brought, who was brought before him; -1 none."""

    def __init__(self) -> None:
        self.links = np.full((1024, 3), NOBODY, dtype=np.int32)

    def reserve(self, rows: int) -> None:
        """Make room for so many rows."""
        if rows > len(self.links):
            larger = np.full((max(rows, 2 * len(self.links)), 3), NOBODY, dtype=np.int32)
            larger[: len(self.links)] = self.links
            self.links = larger

    def add(self, first: int, inviters: np.ndarray) -> None:
        """The rows from `first` on were brought by `inviters`, int64 rows; -1: by nobody."""
        self.reserve(first + len(inviters))
        add_links(self.links, first, inviters)

    def children(self, inviters: np.ndarray) -> np.ndarray:
        """The rows, int64, of all whom some brought."""
        return find_children(self.links, inviters)


@kernel
def add_links(links: Any, first: int, inviters: Any) -> None:
    """Write who brought the rows from `first` on."""
    for n in range(inviters.shape[0]):
        inviter = inviters[n]
        if inviter >= 0:
            links[first + n, 0] = inviter
            links[first + n, 2] = links[inviter, 1]
            links[inviter, 1] = first + n


@kernel
def find_children(links: Any, inviters: Any) -> Any:
    """The rows that they brought, of each the last first."""
    found = []
    for n in range(inviters.shape[0]):
        child = links[inviters[n], 1]
        while child >= 0:
            found.append(np.int64(child))
            child = links[child, 2]
    return np.array(found, dtype=np.int64)


@kernel
def reach(luck: Any, channel: int, first: int, count: int, audience: int, n: Any, out: Any) -> int:
    """Contacts `first` ... of a channel, in its own order of the market; returns how many are persons."""
    found = 0
    key = CHANNEL_KEY + np.uint64(channel)
    for number in range(first, first + count):
        place = network.place_at(luck, number % audience, network.LAYERS + channel, n[0])
        if place >= int(n[0].persons):
            continue
        one = out[found]
        one.place = place
        one.channel = channel
        one.inviter = NOBODY
        one.stays = 0
        one.tie = 0.0
        one.trust = 0.0
        one.turn = rng.uniform(luck, key, rng.APPROACH, number)
        found += 1
    return found


@kernel
def tell(
    rows: Any, relations: Any, start: int, news: Any, founders: int, today: Any, n: Any, ops: Any, p: Any, q: Any,
    spare: Any, books: Any, out: Any,
) -> int:  # fmt: skip
    """Whom members' news reach: `news` of rows that stand in one block, whose first row is row `start` of all."""
    found = 0
    for e in range(news.shape[0]):
        m, r = rows[news[e, 0] - start], relations[news[e, 0] - start]
        channel = int(news[e, 1])
        place = int(news[e, 0]) if news[e, 0] < founders else int(m.key)
        seated = network.seats_of(today.luck, place, n[0])
        greedy = channel == posting.REFERRAL and ops[0].refer_one_sided == 1.0
        picks = int(q[0].inviting.chooses) if greedy or channel in (posting.WORD_OF_MOUTH, posting.REFERRAL) else 1
        for number in range(int(news[e, 3]), int(news[e, 3]) + int(news[e, 2])):
            books.responses[today.row, channel, posting.INVITATIONS] += 1
            best, layer, wish = NOBODY, 0, -9.0
            for pick in range(picks):
                if greedy and wish == 1.0:  # nobody is had more easily than a hunter
                    break
                which = number * picks + pick
                if channel == posting.SHARING or channel == posting.ADVOCATE:
                    index = (
                        which
                        if channel == posting.ADVOCATE
                        else SHOWN + int(news[e, 3]) * SHOWN_TO + (number - int(news[e, 3]))
                    )
                    which = int(rng.uniform(today.luck, m.key, rng.TOLD, index) * network.degree(seated, n[0]))
                other, through = network.contact(today.luck, place, seated, which, n[0])
                if other == NOBODY:
                    continue
                likes = 0.0
                if greedy:
                    likes = hunted(other, today, ops, q)
                elif picks > 1:
                    meet_person(spare[0], np.uint64(other), today, ops, p, q)
                    likes = inviting.suits(spare[0])
                if likes > wish:
                    best, layer, wish = other, through, likes
            if best == NOBODY:
                books.responses[today.row, channel, posting.UNANSWERED] += 1
                continue
            one = out[found]
            one.place = best
            one.channel = channel
            one.inviter = news[e, 0]
            one.stays = m.attached
            one.tie = network.tie(layer, n[0])
            one.trust = r.trust
            one.turn = rng.uniform(today.luck, m.key, rng.APPROACH, number % 1_000_000_000)
            found += 1
    return found


SHOWN, SHOWN_TO = 1_000_000, 100
"""Where the places of persons who see an order begin in the luck of who is told, and how many an order may have."""


@rule
def meet_person(r: Any, key: Any, today: Any, ops: Any, p: Any, q: Any) -> None:
    """What a person of the market would have of the operator, written to a spare row."""
    stays = drifting.staying_score(drifting.drift_hazard(today.luck, key, p[0].drifting), p[0].drifting)
    temperament.meet_wishes(r, today.luck, key, int(key), stays, ops[0], q[0].temperament)


@rule
def hunted(place: int, today: Any, ops: Any, q: Any) -> float:
    """How easily a person of the market is had for a reward: 1 for a coupon hunter, 0 for others."""
    circles = temperament.circles_of(today.luck, place, ops[0])
    return float(temperament.hunts(today.luck, np.uint64(place), place, circles, ops[0], q[0].temperament))


@kernel
def decide(
    approaches: Any, order: Any, appeals: Any, keys: Any, persons: Any, persuaded: Any, founders: int, number: int,
    gate: float, today: Any, ops: Any, p: Any, q: Any, spare: Any, books: Any, joined: Any,
) -> Any:  # fmt: skip
    """Every approach in its turn: in vain, refused, or a joining; the places in `approaches` of those who join go to
    `joined`, and their rows, from `number` on, into the directory. Returns (how many join, how many are new to it).
    """
    count, strangers = 0, 0
    row = today.row
    for turn in range(order.shape[0]):
        one = approaches[order[turn]]
        channel = int(one.channel)
        if one.place < founders:
            books.responses[row, channel, posting.ALREADY_MEMBERS] += 1
            continue
        key = np.uint64(one.place)
        slot = slot_of(keys, key)
        if keys[slot] == np.uint64(0):
            keys[slot] = key
            strangers += 1
        elif persons[slot] != NOBODY:
            if channel != posting.ORGANIC:
                books.responses[row, channel, posting.ALREADY_MEMBERS] += 1
            continue
        r = spare[0]
        meet_person(r, key, today, ops, p, q)
        if channel != posting.ORGANIC:
            taste = pricing.taste(r, q[0].pricing)
            chance = joining.join_probability(r, taste, appeals[channel], one.tie, one.trust, q[0].joining)
            persuaded[slot] += joining.persuasion(chance)
            if not joining.joins(today.luck, key, persuaded[slot]):
                books.responses[row, channel, posting.UNANSWERED] += 1
                continue
        if gate > 0.0 and not joining.passes_gate(today.luck, key, r.fit, r.hunter, r.wants, gate, q[0].joining):
            books.responses[row, channel, posting.TURNED_AWAY] += 1
            continue
        persons[slot] = number + count
        joined[count] = order[turn]
        count += 1
    return count, strangers


@kernel
def enter(
    rows: Any, relations: Any, due: Any, low: int, high: int, number: int, approaches: Any, appeals: Any,
    founders: int, today: Any, desk: Any, p: Any, q: Any, books: Any,
) -> None:  # fmt: skip
    """Newcomers become members, each as his approach has it; row `low` is row `number` of all."""
    for i in range(low, high):
        m, r, one = rows[i], relations[i], approaches[i - low]
        channel = int(one.channel)
        key, appeal = np.uint64(one.place), appeals[channel]
        if channel == posting.ORGANIC or appeal.orders == 1:
            join(m, key, channel, today, p[0], books)
        else:
            enrol(m, key, channel, today, p[0], books)
        r.own_row = number + i - low
        meet(m, r, posting.NEWCOMER, today, desk.ops[0], p[0], q[0])
        r.orders_before = 0
        due[i] = today.day + 1
        books.engaged[posting.anchor(today.day, books)] += 1
        if m.orders == 1:
            posting.post_response(m, posting.LIST, m.spend, today, books)
            goods = spending.cents((1.0 - desk.ops[0].margin) * m.spend)
            posting.post_response(m, posting.GOODS, goods, today, books)
            posting.post_segment(r, posting.SEGMENT_ORDERS, 1, today, books)
            posting.post_segment(r, posting.SEGMENT_REVENUE, m.spend, today, books)
            posting.post_segment(r, posting.SEGMENT_LIST, m.spend, today, books)
        if channel != posting.ORGANIC:
            won(m, r, one, appeal, today, desk, p[0], q[0], books)


@rule
def won(m: Any, r: Any, one: Any, appeal: Any, today: Any, desk: Any, p: Any, q: Any, books: Any) -> None:
    """What it means to a newcomer that he was won rather than came by himself."""
    if r.wants == 0 or r.hunter == 1:  # he goes when he has what he came for
        m.drift_hazard += q.joining.idle_hazard
        m.drift_at = today.day + 1.0 + drifting.days_attached(today.luck, m.key, 0, m.drift_hazard)
    posting.post_response(m, posting.IDLE_JOINED, 1 - r.wants, today, books)
    r.met = 1
    joining.starts(r, appeal, one.tie, one.trust, q.joining)
    if one.stays == 1 and one.channel != posting.SHARING:
        r.guarded = 1
        if r.visit_at < NEVER:
            r.visit_at = today.day + 1.0 + (r.visit_at - today.day - 1.0) / q.joining.company
    if appeal.kit > 0.0:
        posting.post_response(m, posting.ACQUISITION_COST, spending.cents(appeal.kit), today, books)
    if appeal.price > 0.0:
        price = spending.cents(appeal.price)
        posting.post_response(m, posting.LIST, price, today, books)
        posting.post_segment(r, posting.SEGMENT_ORDERS, 1, today, books)
        posting.post_segment(r, posting.SEGMENT_REVENUE, price, today, books)
        posting.post_segment(r, posting.SEGMENT_LIST, price, today, books)
        place_order(m, price, today, books)
    if appeal.offer >= 0 and give_offer(m, r, appeal.offer, 1, today, desk, books) >= 0:
        r.earned = 1
    if appeal.coverage > 0.0 and rng.uniform(today.luck, m.key, rng.TAGGING, ENTRANCE) < appeal.coverage:
        r.tag = answering.read_need(r.need, today.luck, m.key, ENTRANCE, 0.0)
        r.tag_day = today.day
        r.tags = 1
    if appeal.contact == 0:
        r.permission = 2
        posting.post_opt_out(m, r, 2, today, books)


ENTRANCE = 900_000_000
"""Place of what an entrance tells of newcomers in the luck of tagging."""


SCHEME = ("needed", "offer", "cash", "points")
"""What bringing a friend earns.

Friends needed each time (0: nothing is earned), place of the coupon in the run's offers (-1: none), cents, points.
"""


@kernel
def reward(
    rows: Any, relations: Any, due: Any, start: int, newcomers: Any, schemes: Any, today: Any, desk: Any, books: Any
) -> None:
    """The inviters of newcomers, who stand in one block from row `start` of all on, are credited and rewarded."""
    for e in range(newcomers.shape[0]):
        i, channel = newcomers[e].inviter - start, newcomers[e].channel
        m, r = rows[i], relations[i]
        r.brought += 1
        needed, offer, cash, points = (
            schemes[channel, 0],
            schemes[channel, 1],
            schemes[channel, 2],
            schemes[channel, 3],
        )
        if needed == 0 or m.listed == 0 or r.brought % needed != 0:
            continue
        if offer >= 0 and give_offer(m, r, offer, 1, today, desk, books) >= 0:
            r.earned = 1
            due[i] = today.day + 1
        if cash > 0:
            books.responses[today.row, channel, posting.REWARD_COST] += cash
        if points > 0:
            r.points += points
            posting.post_response(m, posting.POINTS_EARNED, points, today, books)


@kernel
def kept_rows(rows: Any, relations: Any, low: int, high: int, since: int, place: int, kept: Any) -> None:
    """Newcomers in rows [low, high) with a sign of life since a day, by channel, into kept[channel, place]."""
    for i in range(low, high):
        m, r = rows[i], relations[i]
        if m.listed == 1 and r.last_active >= since:
            kept[m.channel, place] += 1


@kernel
def joined_rows(rows: Any, relations: Any, low: int, high: int, kept: Any) -> None:
    """Newcomers in rows [low, high), and the coupon hunters among them, by channel."""
    for i in range(low, high):
        kept[rows[i].channel, 0] += 1
        kept[rows[i].channel, 1] += relations[i].hunter


AGES, WINDOWS = (30, 90), (14, 30)


class Recruiter:
    """The entrance of one world: what was bought of each channel, who is persuaded how far, who brought whom."""

    def __init__(self, world: Any) -> None:
        plan = world.plan
        market = plan.market
        self.founders = plan.founders.count
        self.network = network.known(market.network, market.size)
        self.directory, self.lineage = Directory(), Lineage()
        self.closed: Any = table([Appeal()] * len(posting.CHANNELS), APPEAL)
        self.appeals = self.closed.copy()
        self.spare = np.zeros(1, dtype=RELATION)
        rows, columns = network.hall(self.network[0])
        self.seats = rows * columns / market.size
        channels, weeks = market.channels, plan.days // 7 + 1
        self.changes = [channel.change for channel in channels.each()]
        self.prices = [
            weekly_prices(world.luck, CHANNEL_KEY + np.uint64(c), weeks, channels.shock, channels.memory)
            for c in range(len(posting.CHANNELS))
        ]
        self.contacts = np.zeros(len(posting.CHANNELS), dtype=np.int64)
        self.purse = np.zeros(len(posting.CHANNELS))
        self.spent = np.zeros(len(posting.CHANNELS))
        self.kept = np.zeros((plan.days, len(posting.CHANNELS), len(KEPT)), dtype=np.int64)
        self.first_rows: list[int] = []

    def evening(self, world: Any, today: Any, came: range, entrances: Sequence[Entrance], news: np.ndarray) -> None:
        """Everybody who was reached today decides; those who join are members from tomorrow on.

        came: persons who came by themselves; news: what members told others, of `posting.post_news`.
        """
        self.first_rows.append(world.population.count)
        self.appeals[:] = self.closed
        for entrance in entrances:
            self.appeals[entrance.channel] = tuple(vars(entrance.appeal).values())
        news = news[np.argsort(news[:, 0], kind="stable")]
        parted = news[news[:, 1] == posting.DEPARTED, 0]
        told = news[news[:, 1] != posting.DEPARTED]
        parts = [self._came(came)]
        if not world.plan.market.joining.closed:
            parts += [self._bought(world, today, e) for e in entrances if e.budget > 0.0]
            parts.append(self._told(world, today, told))
        parts = [part for part in parts if len(part)]
        if parts:
            approaches = np.concatenate(parts) if len(parts) > 1 else parts[0]
            self._decide(world, today, approaches)
        self._part(world, today, parted)
        self._look_back(world, today)

    def _came(self, came: range) -> np.ndarray:
        out = np.zeros(len(came), dtype=APPROACH)
        out["place"], out["channel"], out["inviter"] = np.arange(came.start, came.stop), posting.ORGANIC, NOBODY
        out["turn"] = -1.0  # whoever comes by himself comes first
        return out

    def _bought(self, world: Any, today: Any, entrance: Entrance) -> np.ndarray:
        """As many contacts as today's money buys, at today's price."""
        channel = entrance.channel
        change = self.changes[channel - posting.FIRST_PAID]
        changed = change.holds(today.day)
        if changed and change.closed:
            return np.zeros(0, dtype=APPROACH)
        audience = max(int(entrance.reach * world.plan.market.size), 1)
        seats = max(int(audience * self.seats), 1)  # some seats of the market are empty
        used = self.contacts[channel] / audience
        price = entrance.cost * exp(entrance.rise * used) * self.prices[channel][today.day // 7]
        price *= change.price if changed else 1.0
        self.purse[channel] += entrance.budget
        count = int(self.purse[channel] // price)
        self.purse[channel] -= count * price
        before = int(self.spent[channel])
        self.spent[channel] += count * price
        books = world.books
        books.responses[today.row, channel, posting.ACQUISITION_COST] += int(self.spent[channel]) - before
        out = np.zeros(count, dtype=APPROACH)
        found = reach(today.luck, channel, int(self.contacts[channel]), count, seats, self.network, out)
        self.contacts[channel] += count
        books.responses[today.row, channel, posting.CONTACTS] += found
        return out[:found]

    def _told(self, world: Any, today: Any, told: np.ndarray) -> np.ndarray:
        """Whom members told."""
        out = np.zeros(int(told[:, 2].sum()), dtype=APPROACH)
        found, people = 0, world.population
        for block in range(len(people.blocks)):
            low, high = np.searchsorted(told[:, 0], [block * BLOCK, (block + 1) * BLOCK])
            if low < high:
                found += tell(
                    people.blocks[block], people.relations[block], block * BLOCK, told[low:high], self.founders,
                    today, self.network, world.desk_today().ops, world.settings, world.responses, self.spare,
                    world.books, out[found:],
                )  # fmt: skip
        return out[:found]

    def gate(self, world: Any, day: int) -> float:
        """How much trouble it is to join today; 0 where there is no gate."""
        welcome = world.plan.strategy.welcome
        return welcome.gate if welcome.on and welcome.start <= day < welcome.stop else 0.0

    def _decide(self, world: Any, today: Any, approaches: np.ndarray) -> None:
        people, gate = world.population, self.gate(world, today.day)
        order = np.argsort(approaches["turn"], kind="stable")
        self.directory.reserve(len(approaches))
        joined = np.zeros(len(approaches), dtype=np.int64)
        desk, here = world.desk_today(), self.directory
        count, strangers = decide(
            approaches, order, self.appeals, here.keys, here.rows, here.persuaded, self.founders,
            people.count, gate, today, desk.ops, world.settings, world.responses, self.spare, world.books, joined,
        )  # fmt: skip
        self.directory.count += strangers
        if not count:
            return
        newcomers = approaches[joined[:count]]
        people.reserve(count)
        number = people.count
        people.count += count
        first = 0
        for rows, relations, _, due, low, high in people.operated_ranges(number):
            enter(
                rows, relations, due, low, high, number + first,
                newcomers[first : first + high - low], self.appeals, self.founders, today, desk,
                world.settings, world.responses, world.books,
            )  # fmt: skip
            joined_rows(rows, relations, low, high, self.kept[today.day])
            first += high - low
        self._credit(world, today, newcomers, number)

    def _credit(self, world: Any, today: Any, newcomers: np.ndarray, number: int) -> None:
        """Inviters are credited and rewarded, and who brought whom is kept."""
        inviters = newcomers["inviter"].astype(np.int64)
        if not (inviters >= 0).any():
            return
        people = world.population
        self.lineage.add(number, inviters)
        order = np.argsort(inviters, kind="stable")
        order = order[inviters[order] >= 0]
        newcomers, inviters = newcomers[order], inviters[order]
        schemes = self.schemes(world)
        for block in range(len(people.blocks)):
            low, high = np.searchsorted(inviters, [block * BLOCK, (block + 1) * BLOCK])
            if low < high:
                reward(
                    people.blocks[block], people.relations[block], people.due[block], block * BLOCK,
                    newcomers[low:high], schemes, today, world.desk_today(), world.books,
                )  # fmt: skip

    def schemes(self, world: Any) -> np.ndarray:
        """What bringing a friend earns through each channel: of `SCHEME`."""
        out, first = np.zeros((len(posting.CHANNELS), len(SCHEME)), dtype=np.int64), world.operator.first_offer
        refer, group = world.plan.strategy.referral, world.plan.strategy.group_buying
        out[:, 1] = -1
        if refer.on:
            cash = round(100 * refer.reward) if refer.cash else 0
            cash += round(100 * refer.privilege_cost) if refer.privilege > 0 else 0
            coupon = first["referral"] if refer.reward > 0 and not refer.cash else -1
            out[posting.REFERRAL] = refer.needed, coupon, cash, refer.points
        if group.on:
            out[posting.GROUP_BUYING] = group.needed, first["group_buying"], 0, 0
        return out

    def _part(self, world: Any, today: Any, parted: np.ndarray) -> None:
        """Whoever was brought by one who has gone is no longer held by him."""
        if not len(parted):
            return
        people = world.population
        children = self.lineage.children(parted)
        for block, (relations, due) in enumerate(zip(people.relations, people.due, strict=True)):
            here = children[children // BLOCK == block] % BLOCK
            held = here[relations["guarded"][here] == 1]
            relations["guarded"][held] = 0
            due[held] = np.minimum(due[held], today.day + 1)

    def _look_back(self, world: Any, today: Any) -> None:
        """How many of those who joined 30 and 90 days ago are active."""
        for place, age in enumerate(AGES):
            day = today.day - age
            if day < 0:
                continue
            for rows, relations, _, _, low, high in world.population.operated_ranges(*self._joined_on(world, day)):
                kept_rows(rows, relations, low, high, today.day - WINDOWS[place] + 1, 2 + place, self.kept[day])

    def _joined_on(self, world: Any, day: int) -> tuple[int, int]:
        last = self.first_rows[day + 1] if day + 1 < len(self.first_rows) else world.population.count
        return self.first_rows[day], last
