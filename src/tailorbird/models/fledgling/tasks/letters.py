"""How people ask: a bare question, or an e-mail with greeting, story, anger, typos and a name."""

from dataclasses import dataclass
from random import Random

from tailorbird.models.fledgling.tasks.domains import Domain
from tailorbird.models.fledgling.tasks.grammar import capital, say
from tailorbird.models.fledgling.tasks.passages import Point
from tailorbird.models.fledgling.tasks.values import VALUES, amount, code, date, person


@dataclass(frozen=True)
class Letter:
    """What the user writes."""

    text: str
    signed: str | None
    """The name at the end, if there is one."""


_ASKS = {
    "amount": ("how much is the {noun}", "what does the {noun} cost", "how high is the {noun}"),
    "duration": ("how long is the {noun}", "what is the {noun}", "how many days is the {noun}"),
    "percent": ("how high is the {noun}", "what is the {noun} in per cent"),
    "date": ("when is the {noun}", "what date is the {noun}"),
    "time": ("when is the {noun}", "at what time is the {noun}"),
    "hours": ("what are the {noun}", "when are the {noun}"),
    "code": ("what is the {noun}", "which {noun} do I need"),
    "phone": ("what is the number of the {noun}", "how do I reach the {noun}"),
    "place": ("where is the {noun}", "where do I find the {noun}"),
    "weekday": ("when is the {noun}", "which day is the {noun}"),
    "person": ("who is the {noun}", "what is the name of the {noun}"),
}
_ANY_ASKS = ("what is the {noun}", "what about the {noun}", "what {noun} do you have")
_ASIDES = (
    "[I am talking about|This is about|It concerns|My question is about] {it}.",
    "I have {it}.",
    "[We|My wife and I|My husband and I] [chose|took|ordered] {it}[| last month].",
    "[I am|We are] [thinking of taking|interested in] {it}.",
)
_LEADS = (
    "",
    "",
    "",
    "please tell me, ",
    "[could|can] you tell me: ",
    "[I would like to know|I want to know|I wonder|I was wondering]: ",
    "[one|a] quick question, ",
    "so ",
    "my question: ",
)
_GREETINGS = (
    "[Hello|Hi|Hey|Good morning|Good evening|Good afternoon][,|!|.]",
    "Dear [Sir or Madam|team|all|colleagues|{org}],",
    "[Hello|Dear|Hi] {org} [team,|people,|,]",
    "",
)
_STORIES = (
    "I have been a {who} [for many years|since {date}|for a while].",
    "[My reference is|My number is|Customer number] {code}.",
    "I [tried to call|called] [twice|several times] but [nobody answered|the line was busy].",
    "[I read|I looked at] your [website|leaflet|page] but could not find [it|this].",
    "[Last week|On {date}|Yesterday] I paid {amount} [by card|in cash] [at the desk|].",
    "[My neighbour|A friend|My sister] {name} [told me to write|said you would know].",
    "[We are planning|I am planning] [a few things|next month|our summer] [now|at the moment].",
    "[The weather has been awful here|My mother has been ill|We have just moved].",
    "[I hope you are well|I hope this reaches the right person].",
    "[Your colleague|Somebody at the desk] was [very kind|not very helpful] on {date}.",
    "I [normally|usually] [do this online|ask at the desk][, but I cannot get out|].",
)
_ANGER = (
    "[This is|I find this] [really|quite|very] [annoying|unacceptable|disappointing]!",
    "I am [losing patience|very unhappy|rather cross][.|!|!!]",
    "[Nobody|No one] [seems to care|ever answers]!",
    "This is [the second|the third] time I write.",
)
_RUMOURS = (
    "[Someone|A friend|My brother] [told me|says|thinks] it was {wrong}, is that right?",
    "I [think|thought|believe] it was {wrong} [last year|before|].",
)
_CLOSINGS = (
    "[Thanks|Thank you|Many thanks|Cheers|Thanks a lot][!|.|,]",
    "[Kind regards|Best wishes|Yours sincerely|Regards|Best],",
    "[Looking forward to your answer.|Please reply soon.|Waiting for your answer.]",
    "",
)


def question(rng: Random, point: Point) -> str:
    """A complete question that names the thing, ending in a mark."""
    fact = point.fact
    if fact.asks and rng.random() < 0.6:
        ask = say(rng, rng.choice(fact.asks), it=point.it)
    else:
        forms = (*_ASKS.get(fact.kind, ()), *_ANY_ASKS)
        ask = say(rng, rng.choice(forms), noun=fact.noun)
    mark = "?" if rng.random() < 0.9 else rng.choice((".", "", "??"))
    if rng.random() < 0.55:
        place = say(rng, "[for|with|on|in the case of] [the|your|my] {it}", it=point.it)
        # The thing first or last; a place in the middle would need grammar we do not have.
        text = f"{place}, {ask}" if rng.random() < 0.3 else f"{ask} {place}"
        return capital(say(rng, rng.choice(_LEADS)) + text) + mark
    aside = say(rng, rng.choice(_ASIDES), it=f"the {point.it}")
    asked = capital(say(rng, rng.choice(_LEADS)) + ask) + mark
    return f"{capital(aside)} {asked}" if rng.random() < 0.7 else f"{asked} {capital(aside)}"


def letter(rng: Random, domain: Domain, organisation: str, points: tuple[Point, ...]) -> Letter:
    """An e-mail that asks for every one of ``points``."""
    asked = [question(rng, point) for point in points]
    if len(asked) > 1:
        asked[1] = say(rng, "[Also: |And another thing: |Besides, I want to ask: |]") + asked[1]
    if rng.random() < 0.12:
        wrong = VALUES[points[-1].fact.kind](rng)
        asked.append(say(rng, rng.choice(_RUMOURS), wrong=wrong))
    body = [_story(rng, domain) for _ in range(rng.choice((0, 1, 1, 2)))]
    tail = [_story(rng, domain)] if rng.random() < 0.25 else []
    tail += [say(rng, rng.choice(_ANGER))] if rng.random() < 0.15 else []
    signed = person(rng) if rng.random() < 0.6 else None
    greeting = say(rng, rng.choice(_GREETINGS), org=organisation)
    closing = say(rng, rng.choice(_CLOSINGS))
    middle = noisy(rng, " ".join([*body, *asked, *tail]))
    gap = rng.choice(("\n", " ", "\n\n"))
    return Letter(gap.join(filter(None, (greeting, middle, closing, signed))), signed)


def noisy(rng: Random, text: str) -> str:
    """``text`` as hurried people type it: mostly untouched, else small letters or a few slips."""
    draw = rng.random()
    if draw < 0.7:
        return text
    if draw < 0.8:
        return text.lower()
    letters = list(text)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(letters) - 1)
        # Only letters slip: a slip in a digit would change what is asked.
        if letters[at].isalpha() and letters[at + 1].isalpha():
            letters[at : at + 2] = rng.choice(
                ([letters[at + 1], letters[at]], [letters[at]], [letters[at]] * 2)
            )
            letters.append("")  # the list keeps its length at least, so ``at`` stays valid
    return "".join(letters)


def _story(rng: Random, domain: Domain) -> str:
    return say(
        rng,
        rng.choice(_STORIES),
        who=rng.choice(domain.people),
        date=date(rng),
        code=code(rng),
        amount=amount(rng),
        name=person(rng),
    )
