"""The words of generated posts; none is from a real post."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SUBJECTS: dict[str, tuple[str, ...]] = {
    "art": (
        "Watercolor", "Charcoal Sketch", "Canvas", "Line Drawing",
        "Ink Portrait", "Clay Figure", "Mural", "Collage",
    ),
    "beauty": (
        "Skin Routine", "Lip Tint", "Nail Design", "Face Mask",
        "Braid", "Eyeliner Look", "Hair Oil", "Blush",
    ),
    "christmas": (
        "Wreath", "Gift Wrap", "Gingerbread House", "Mantel",
        "Ornament", "Tree Topper", "Stocking", "Table Setting",
    ),
    "diy-and-crafts": (
        "Paper Flower", "Macrame Hanger", "Felt Toy", "Candle Jar",
        "Photo Frame", "Yarn Garland", "Stamp", "Box",
    ),
    "education": (
        "Reading Corner", "Number Game", "Phonics Sheet", "Science Jar",
        "Class Poster", "Spelling Card", "Map", "Quiz",
    ),
    "event-planning": (
        "Seating Chart", "Party Table", "Balloon Arch", "Welcome Sign",
        "Picnic", "Toast", "Timeline", "Menu Card",
    ),
    "finance": (
        "Savings Jar", "Budget Sheet", "Side Job", "Debt Plan",
        "Pantry Challenge", "Bill Calendar", "Fund", "Cash Envelope",
    ),
    "home-decor": (
        "Entryway", "Shelf", "Bedroom Nook", "Rug",
        "Gallery Wall", "Curtain", "Lamp", "Kitchen Counter",
    ),
    "mens-fashion": (
        "Linen Shirt", "Denim Jacket", "Loafer", "Wool Coat",
        "Knit Tie", "Chino Outfit", "Belt", "Summer Suit",
    ),
    "quotes": (
        "Morning Line", "Kind Word", "Short Saying", "Gentle Reminder",
        "Work Motto", "Friendship Note", "Proverb", "Wish",
    ),
    "tattoos": (
        "Fine Line Fern", "Wrist Moon", "Ankle Wave", "Forearm Compass",
        "Shoulder Bird", "Tiny Star", "Sleeve", "Rose",
    ),
    "travel": (
        "Island Walk", "Train Route", "Old Town", "Packing List",
        "Mountain Hut", "Night Market", "Road Trip", "Harbour",
    ),
    "vehicles": (
        "Camper Van", "Vintage Coupe", "Trail Bike", "Roadster",
        "Pickup", "Tiny Trailer", "Scooter", "Racing Seat",
    ),
}  # fmt: skip
"""Subjects of posts by category; the categories in alphabetical order (rule S3)."""

ADJECTIVES: tuple[str, ...] = (
    "Simple", "Bold", "Cosy", "Bright", "Rustic", "Modern", "Tiny", "Easy", "Quiet", "Clever", "Handmade",
    "Pastel", "Classic",
    "Playful", "Thrifty", "Elegant", "Coastal", "Moody", "Weekend", "Colourful", "Minimal", "Golden", "Budget",
    "Fresh",
)  # fmt: skip

TITLES: tuple[str, ...] = (
    "{n} {a} {s} Ideas for a Rainy {d}",
    "{a} {s}",
    "How to Plan a {a} {s} in {n} Steps",
    "The {a} {s} That Everyone Asks Me About",
    "{a} and {b}: a {s} for {d}",
    "My {n} Favourite {s} Finds - {a}, {b} and Under {m} Dollars",
    "{s} Inspiration | {a} {d} Edition",
    "Why a {a} {s} Works Every {d}",
    "{n}+ {a} {s} Tips",
    "Before and After: {b} {s}",
    "What {n} Years with a {a} {s} Taught Our Whole Family about Patience, Colour and {d} Afternoons",
)
"""a, b: adjectives, x: one in small letters; s: subject; n, m: numbers; d: day."""

DAYS: tuple[str, ...] = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

SENTENCES: tuple[str, ...] = (
    "A {x} {s} takes {n} minutes and a little patience.",
    "We tried {n} versions of this {s}, and the {x} one stayed.",
    "Start small, keep it {x}, and let the {s} do the talking.",
    "Save this {s} for {d} and tell us how it went.",
    "Everything you need is listed on the blog, with {n} photographs.",
    "Made on a {d} with what was already in the house.",
    "No special tools, no rush: just a {x} plan.",
    "It costs less than {m} dollars, if you do not count the coffee.",
    "The {s} in the picture is ours; yours may turn out more {x}.",
    "Readers asked for a {x} {s}, so here it is at last.",
)

MARKS: tuple[str, ...] = (
    "\N{SPARKLES}",
    "\N{HEAVY BLACK HEART}\ufe0f",
    "\N{FIRE}",
    "\N{WOMAN}\u200d\N{ARTIST PALETTE}",
    "\N{WHITE SMILING FACE}",
)
"""Emoji, some of several code points, some outside the BMP."""

POSTER_FIRST: tuple[str, ...] = (
    "Maple", "Harbour", "Willow", "Copper", "Velvet", "Juniper", "Lantern", "Pebble", "Saffron", "Meadow",
    "Cobalt", "Thistle",
    "Marble", "Clover", "Amber", "Ivory", "Hazel", "Indigo", "Linen", "Poppy", "Slate", "Tulip", "Walnut",
    "Zephyr", "Birch",
    "Coral", "Dune", "Ember", "Fable", "Ginger", "Heron",
)  # fmt: skip
POSTER_SECOND: tuple[str, ...] = (
    "Lane", "Studio", "Journal", "Workshop", "House", "Kitchen", "Atelier", "Corner", "Collective", "Diary",
    "Market", "Press",
    "Garden", "Notes", "Parlour", "Supply", "Room", "Story", "Goods",
)  # fmt: skip
POSTER_THIRD: tuple[str, ...] = (
    "", " & Co", " by Ada", " | Slow Living", ".example", " Blog", " with Léa", " (Official)", " Ideas", " 24",
    " - DIY",
    " Café", " \N{SPARKLES}",
)  # fmt: skip
"""A poster's name has one part of each tuple."""

FIRST_NAMES: tuple[str, ...] = _words(
    """
    Aaron Abigail Adam Adrian Alan Albert Alexa Alice Alison Amanda Amber Amy Andrea Andrew Angela Anita Anna
    Anthony April Ashley Barbara Benjamin Beth Bonnie Brad Brenda Brian Carla Carol Cathy Charles Chloe Chris
    Cindy Claire Clara Craig Daisy Dale Daniel David Debra Dennis Diana Donald Dora Edith Edward Elaine Elena
    Emily Eric Erin Evan Fiona Frank Gail Gary George Gina Gloria Grace Greg Hannah Harold Heidi Helen Henry
    Holly Ian Irene Iris Isaac Jack Jacob James Jane Janet Jason Joan Joel John Joyce Judy Julia Karen Karl Kate
    Keith Kelly Kevin Laura Leah Leo Linda Lisa Louis Lucy Luke Marcia Maria Mark Martin Mary Megan Melissa Mia
    Michael Monica Nancy Naomi Nathan Neil Nina Noah Nora Oliver Olivia Oscar Owen Pamela Patrick Paul Paula
    Peter Philip Rachel Ralph Rebecca Rhonda Rita Robert Roger Rosa Ruby Ruth Ryan Sally Samuel Sandra Sara
    Scott Sean Sharon Sheila Simon Sonia Stella Steven Susan Sylvia Tara Teresa Thomas Tina Todd Tracy Tyler
    Valerie Vera Victor Vincent Wanda Wendy William Yvonne Zachary Zoe
    """
)
LAST_NAMES: tuple[str, ...] = _words(
    """
    Abbott Acosta Adams Adkins Aguilar Alexander Ali Allen Alvarado Alvarez Anderson Andrews Archer Arnold
    Atkins Austin Avery Bailey Baker Baldwin Banks Barker Barnes Barrett Barton Bates Baxter Becker Bell Bennett
    Benson Berry Bishop Black Blair Bond Bowen Boyd Bradley Brady Brewer Brooks Brown Bryant Burke Burns Burton
    Bush Butler Byrd Cain Campbell Carr Carter Casey Castro Chan Chapman Chavez Clark Clay Cobb Cole Collins
    Conway Cook Cooper Costa Cox Craig Crane Cruz Curtis Dalton Daniels Davis Dawson Dean Delgado Diaz Dixon
    Dodson Douglas Doyle Drake Duffy Duncan Dunn Duran Eaton Edwards Ellis Erickson Espinoza Evans Farmer
    Farrell Ferguson Fields Fisher Fletcher Flores Ford Foster Fox Francis Frank Frazier Freeman Frost Fuller
    Gallagher Garcia Gardner Garner Garrett Gibson Gilbert Gill Glass Gomez Gonzalez Goodwin Gordon Graham Grant
    Graves Gray Green Griffin Gross Guerrero Hale Hall Hansen Hardy Harmon Harper Harris Hart Harvey Hayes Heath
    Henry Herman Hicks Hill Hobbs Hodge Hogan Holland Holmes Hood Hoover Horton Howard Hughes Hunt Hurst Ingram
    Jackson Jacobs James Jarvis Jensen Johnson Jones Jordan Kane Keith Keller Kelly Kemp Kent Kerr King Kirk
    Klein Knight Koch Lamb Lane Larson Lawson Leach Lee Lewis Lin Little Lloyd Logan Long Lopez Lowe Lucas Lynch
    Lyons Mack Malone Mann Marsh Martin Mason Maxwell May Meyer Miles Miller Mills Moody Moon Moore Morales
    Morgan Morris Morton Moss Murphy Murray Myers Nash Neal Nelson Newton Nichols Nixon Noble Nolan Norris
    Norton Nunez Obrien Odom Olsen Oneal Ortega Ortiz Owens Pace Page Palmer Park Parker Parks Parsons Patel
    Payne Pearson Pena Perez Perry Peters Phelps Pierce Pope Porter Potter Powell Price Quinn Ramos Randall Ray
    Reed Reese Reyes Rice Riley Rivera Robbins Roberts Rogers Rojas Rose Ross Rowe Ruiz Russell Ryan Salazar
    Sanchez Sanders Santos Schmidt Scott Sellers Shah Shaw Silva Simmons Sloan Smith Snyder Soto Spencer Stanley
    Steele Stone Stuart Sutton Tate Taylor Terry Thomas Thornton Torres Tran Turner Tyler Underwood Valdez
    Vargas Vaughn Vega Villa Wade Walker Wallace Walsh Walters Ward Warner Watson Weaver Webb Weber Wells West
    Wheeler White Wilcox Wiley Williams Wilson Wise Wolfe Wood Woods Wright Wu Wyatt Yates York Young Zamora
    Zimmerman
    """
)
"""ASCII only, as in the measured table."""
