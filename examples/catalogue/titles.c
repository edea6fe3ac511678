/* SPDX-License-Identifier: Apache-2.0 */
/* Names of people and titles, and the words that they are made of. */
#include <stdio.h>

#include "catalogue.h"

enum { NOUNS = 14, ADJECTIVES = 64, PLACES = 40, OPENINGS = 12, FIRST_NAMES = 56, LAST_NAMES = 72 };

const char *const gen_genre_names[GEN_GENRE_COUNT] = {
    "Drama",  "Comedy",  "Thriller", "Crime",     "Science Fiction", "Fantasy",
    "Horror", "Romance", "Action",   "Adventure", "Animation",       "Documentary",
    "Family", "Mystery", "History",  "War",       "Western",         "Music"};

const char *const gen_kind_names[GEN_KIND_COUNT] = {"film", "show", "short"};

static const char *const nouns[GEN_GENRE_COUNT][NOUNS] = {
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

static const char *const adjectives[ADJECTIVES] = {
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

static const char *const places[PLACES] = {
    "Arden",        "Bellhaven",   "Calder Bay",    "Dunmore",          "Eastmarch",
    "Fallow Hill",  "Greywater",   "Hartwell",      "Ivory Coast Road", "Juniper Lake",
    "Karsten",      "Lowmoor",     "Marrow Street", "Nightingale Row",  "Oslo",
    "Port Ellery",  "Quarry Lane", "Ravensholm",    "Saint Odile",      "Tarn Valley",
    "Umber Falls",  "Valparaiso",  "Westerly",      "Yarrow",           "Zephyr Point",
    "Lisbon",       "Trieste",     "Kyoto",         "Montreal",         "Tangier",
    "Havana",       "Marseille",   "Old Harrow",    "Pinewood",         "Cedar Gap",
    "Sable Island", "Thornbury",   "the North",     "the Borderlands",  "the Seventh District"};

static const char *const openings[OPENINGS] = {
    "Beneath the", "Beyond the", "After the",  "Before the",  "Under the",  "Between the",
    "Against the", "Into the",   "Toward the", "Without the", "Behind the", "Return of the"};

static const char *const first_names[FIRST_NAMES] = {
    "Adaeze", "Aino",    "Alba",    "Anouk",   "Arvid",  "Beatriz", "Bram",    "Caspian",
    "Chiara", "Corin",   "Dalia",   "Desmond", "Edda",   "Eitan",   "Elif",    "Emeka",
    "Fenna",  "Florin",  "Gwen",    "Hanae",   "Henrik", "Ilse",    "Imani",   "Ines",
    "Jarek",  "Jovana",  "Kaito",   "Keziah",  "Lazlo",  "Leonie",  "Lucien",  "Maarit",
    "Marek",  "Mirela",  "Nadir",   "Nils",    "Noor",   "Odette",  "Olumide", "Pavel",
    "Petra",  "Quentin", "Rafaela", "Ravi",    "Renske", "Sabine",  "Sanjay",  "Saoirse",
    "Tariq",  "Tomasz",  "Ulla",    "Viggo",   "Wren",   "Yara",    "Yusuf",   "Zofia"};

static const char *const last_names[LAST_NAMES] = {
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

static const char *noun(gen_random *random, int32_t genre) {
  return nouns[genre][gen_below(random, NOUNS)];
}

static const char *adjective(gen_random *random) {
  return adjectives[gen_below(random, ADJECTIVES)];
}

static const char *place(gen_random *random) { return places[gen_below(random, PLACES)]; }

static const char *first_name(gen_random *random) {
  return first_names[gen_below(random, FIRST_NAMES)];
}

void gen_name(gen_random *random, char name[GEN_NAME_SIZE]) {
  /* One draw per statement: C does not define the order of the arguments of a call. */
  const char *const first = first_name(random);
  const char *const last = last_names[gen_below(random, LAST_NAMES)];
  snprintf(name, GEN_NAME_SIZE, "%s %s", first, last);
}

void gen_title(gen_random *random, int32_t genre, char title[GEN_TITLE_SIZE]) {
  const char *const n = noun(random, genre);
  const char *const a = adjective(random);
  switch (gen_below(random, 12)) {
    case 0:
    case 1:
      snprintf(title, GEN_TITLE_SIZE, "The %s %s", a, n);
      return;
    case 2:
      snprintf(title, GEN_TITLE_SIZE, "%s %s", a, n);
      return;
    case 3:
      snprintf(title, GEN_TITLE_SIZE, "The %s of %s", n, place(random));
      return;
    case 4: {
      const char *other = noun(random, genre);
      while (other == n) other = noun(random, genre);
      snprintf(title, GEN_TITLE_SIZE, "The %s and the %s", n, other);
      return;
    }
    case 5:
      snprintf(title, GEN_TITLE_SIZE, "The Last %s of %s", n, place(random));
      return;
    case 6:
      snprintf(title, GEN_TITLE_SIZE, "%s's %s", first_name(random), n);
      return;
    case 7:
      snprintf(title, GEN_TITLE_SIZE, "One %s for %s", n, first_name(random));
      return;
    case 8:
    case 9:
      snprintf(title, GEN_TITLE_SIZE, "%s %s", openings[gen_below(random, OPENINGS)], n);
      return;
    case 10:
      snprintf(title, GEN_TITLE_SIZE, "No %s in %s", n, place(random));
      return;
    default:
      snprintf(title, GEN_TITLE_SIZE, "%s and the %s %s", first_name(random), a, n);
      return;
  }
}

void gen_part_title(gen_random *random, const char *series, gen_kind kind, int32_t genre,
                    int32_t part, char title[GEN_TITLE_SIZE]) {
  if (kind == GEN_SHOW) {
    snprintf(title, GEN_TITLE_SIZE, "%.60s, season %d", series, (int)part);
  } else if (part == 1) {
    snprintf(title, GEN_TITLE_SIZE, "%.60s", series);
  } else {
    const char *const a = adjective(random);
    snprintf(title, GEN_TITLE_SIZE, "%.40s %d: %s %s", series, (int)part, a, noun(random, genre));
  }
}
