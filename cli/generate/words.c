/* SPDX-License-Identifier: Apache-2.0 */
#include "generate/words.h"

const char *const gen_genre_names[GEN_GENRE_COUNT] = {
    "Drama",  "Comedy",  "Thriller", "Crime",     "Science Fiction", "Fantasy",
    "Horror", "Romance", "Action",   "Adventure", "Animation",       "Documentary",
    "Family", "Mystery", "History",  "War",       "Western",         "Music"};

const char *const gen_kind_names[GEN_KIND_COUNT] = {"film", "show", "short"};

const char *const gen_genre_nouns[GEN_GENRE_COUNT][GEN_GENRE_NOUNS] = {
    {"Winter", "Inheritance", "Kitchen", "Promise", "Tide", "Orchard", "Silence", "Verdict",
     "Harvest", "Staircase", "Confession", "Threshold", "Absence", "Daughter"},
    {"Wedding", "Roommate", "Landlord", "Holiday", "Neighbour", "Dentist", "Reunion", "Barbecue",
     "Intern", "Divorce", "Parrot", "Bachelor", "Cousin", "Bakery"},
    {"Witness", "Signal", "Corridor", "Hostage", "Deadline", "Passenger", "Cipher", "Stranger",
     "Pursuit", "Lockdown", "Tunnel", "Double", "Informer", "Blackout"},
    {"Heist", "Ledger", "Alibi", "Precinct", "Racket", "Smuggler", "Safehouse", "Jury", "Forger",
     "Syndicate", "Motive", "Fence", "Accomplice", "Courtroom"},
    {"Orbit", "Colony", "Android", "Nebula", "Paradox", "Reactor", "Horizon", "Clone", "Airlock",
     "Satellite", "Terraformer", "Singularity", "Beacon", "Starship"},
    {"Crown", "Dragon", "Sorcerer", "Rune", "Thorn", "Griffin", "Oracle", "Spellbook", "Kingdom",
     "Amulet", "Changeling", "Tower", "Ember", "Wyrm"},
    {"Cellar", "Attic", "Scream", "Marsh", "Doll", "Asylum", "Whisper", "Grave", "Mirror", "Hollow",
     "Parish", "Scarecrow", "Moth", "Ritual"},
    {"Kiss", "Letter", "Summer", "Violin", "Lantern", "Gardener", "Ballroom", "Postcard", "Sailor",
     "Lighthouse", "Serenade", "Waltz", "Bouquet", "Rain"},
    {"Strike", "Convoy", "Bullet", "Vendetta", "Countdown", "Extraction", "Firestorm", "Raid",
     "Recoil", "Outlaw", "Detonator", "Velocity", "Blitz", "Vanguard"},
    {"Expedition", "Compass", "Jungle", "Treasure", "Glacier", "Caravan", "Summit", "River",
     "Island", "Monsoon", "Map", "Canyon", "Reef", "Nomad"},
    {"Robot", "Penguin", "Balloon", "Toyshop", "Comet", "Teapot", "Squirrel", "Cloud", "Inventor",
     "Acorn", "Moon", "Pirate", "Snail", "Circus"},
    {"Ocean", "Factory", "Archive", "Migration", "Glass", "Bridge", "Volcano", "Seed", "Harbour",
     "Honeybee", "Desert", "Railway", "Market", "Census"},
    {"Puppy", "Camp", "Treehouse", "Grandfather", "Sleigh", "Pony", "Picnic", "Birthday", "Farm",
     "Lemonade", "Kite", "Snowman", "Twins", "Zoo"},
    {"Riddle", "Manor", "Footprint", "Photograph", "Key", "Vanishing", "Clockmaker", "Portrait",
     "Poison", "Ferry", "Library", "Séance", "Codicil", "Fog"},
    {"Empire", "Treaty", "Throne", "Cathedral", "Regent", "Rebellion", "Galleon", "Dynasty",
     "Edict", "Cartographer", "Plague", "Siege", "Chancellor", "Coronation"},
    {"Trench", "Battalion", "Ceasefire", "Medic", "Bunker", "Squadron", "Armistice", "Front",
     "Deserter", "Minefield", "Garrison", "Telegram", "Bombardier", "Convalescent"},
    {"Saddle", "Stagecoach", "Sheriff", "Mesa", "Frontier", "Gunslinger", "Ranch", "Saloon",
     "Rustler", "Prairie", "Homestead", "Coyote", "Spur", "Dust"},
    {"Chorus", "Trumpet", "Backbeat", "Soprano", "Encore", "Vinyl", "Rehearsal", "Cadenza",
     "Jukebox", "Drummer", "Overture", "Nightclub", "Melody", "Refrain"}};

const char *const gen_adjectives[GEN_ADJECTIVES] = {
    "Silent",    "Crimson",   "Broken",     "Hidden",   "Golden",     "Endless",   "Burning",
    "Frozen",    "Distant",   "Forgotten",  "Midnight", "Hollow",     "Restless",  "Borrowed",
    "Secret",    "Savage",    "Gentle",     "Electric", "Paper",      "Velvet",    "Northern",
    "Southern",  "Reluctant", "Second",     "Seventh",  "Lonely",     "Wandering", "Perfect",
    "Stolen",    "Bitter",    "Brave",      "Crooked",  "Drowned",    "Faithful",  "Glass",
    "Iron",      "Invisible", "Impossible", "Longest",  "Lucky",      "Missing",   "Narrow",
    "Nameless",  "Ordinary",  "Painted",    "Patient",  "Quiet",      "Ragged",    "Scarlet",
    "Shattered", "Sleeping",  "Sunken",     "Tangled",  "Thirteenth", "Twisted",   "Unfinished",
    "Unlikely",  "Untamed",   "Vanished",   "Violet",   "Weightless", "White",     "Wild",
    "Winding"};

const char *const gen_places[GEN_PLACES] = {
    "Arden",        "Bellhaven",   "Calder Bay",    "Dunmore",          "Eastmarch",
    "Fallow Hill",  "Greywater",   "Hartwell",      "Ivory Coast Road", "Juniper Lake",
    "Karsten",      "Lowmoor",     "Marrow Street", "Nightingale Row",  "Oslo",
    "Port Ellery",  "Quarry Lane", "Ravensholm",    "Saint Odile",      "Tarn Valley",
    "Umber Falls",  "Valparaiso",  "Westerly",      "Yarrow",           "Zephyr Point",
    "Lisbon",       "Trieste",     "Kyoto",         "Montreal",         "Tangier",
    "Havana",       "Marseille",   "Old Harrow",    "Pinewood",         "Cedar Gap",
    "Sable Island", "Thornbury",   "the North",     "the Borderlands",  "the Seventh District"};

const char *const gen_openings[GEN_OPENINGS] = {
    "Beneath the", "Beyond the", "After the",  "Before the",  "Under the",  "Between the",
    "Against the", "Into the",   "Toward the", "Without the", "Behind the", "Return of the"};

const char *const gen_first_names[GEN_FIRST_NAMES] = {
    "Adaeze", "Aino",    "Alba",    "Anouk",   "Arvid",  "Beatriz", "Bram",    "Caspian",
    "Chiara", "Corin",   "Dalia",   "Desmond", "Edda",   "Eitan",   "Elif",    "Emeka",
    "Fenna",  "Florin",  "Gwen",    "Hanae",   "Henrik", "Ilse",    "Imani",   "Ines",
    "Jarek",  "Jovana",  "Kaito",   "Keziah",  "Lazlo",  "Leonie",  "Lucien",  "Maarit",
    "Marek",  "Mirela",  "Nadir",   "Nils",    "Noor",   "Odette",  "Olumide", "Pavel",
    "Petra",  "Quentin", "Rafaela", "Ravi",    "Renske", "Sabine",  "Sanjay",  "Saoirse",
    "Tariq",  "Tomasz",  "Ulla",    "Viggo",   "Wren",   "Yara",    "Yusuf",   "Zofia"};

const char *const gen_last_names[GEN_LAST_NAMES] = {
    "Abernathy", "Adeyemi",    "Almqvist",  "Arslan",    "Balogh",    "Barros",    "Bergstrand",
    "Bhatt",     "Bouchard",   "Brandvold", "Calloway",  "Castellan", "Chaudhry",  "Corvino",
    "Dahlgren",  "Delacroix",  "Dragan",    "Eberhart",  "Ekwueme",   "Farrow",    "Ferreira",
    "Fontaine",  "Galanis",    "Gorski",    "Haddad",    "Halloran",  "Hartigan",  "Hoshino",
    "Ibarra",    "Iversen",    "Jandali",   "Jelinek",   "Kallio",    "Katz",      "Kimura",
    "Kovacs",    "Lacroix",    "Lindqvist", "Lombardi",  "Maduro",    "Marchetti", "Mbeki",
    "Mehta",     "Moreau",     "Nakagawa",  "Novotny",   "Okafor",    "Oyelaran",  "Papadakis",
    "Pereira",   "Petrov",     "Quigley",   "Radcliffe", "Rahimi",    "Rossetti",  "Sandoval",
    "Schreiber", "Sorensen",   "Szabo",     "Takeda",    "Tedesco",   "Thackeray", "Ueda",
    "Valenti",   "Vandermeer", "Vasquez",   "Vogel",     "Wachira",   "Whitlock",  "Yamane",
    "Zamora",    "Zielinski"};
