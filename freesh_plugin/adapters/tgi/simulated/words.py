"""The words that the simulated model knows."""

_TEXT = """
    a able about above across act add after again against age ago air all allow almost alone along already also always
    am among an and animal another answer any appear are area arm around arrive as ask at away back ball bank base be
    bear beat beauty became because become bed been before began begin behind being believe below best better between
    big bird black blue board boat body book both bottom box boy bring brought build busy but buy by call came can car
    care carry case catch cause cell center certain chance change check child choose circle city claim class clean
    clear climb close cold color come common company compare complete contain control cook cool copy corn correct cost
    could count country course cover cross cry current cut dance dark day deal decide deep develop did die differ
    direct divide do doctor does dog done door down draw dream dress drink drive drop dry during each ear early earth
    ease east eat edge effect egg eight either else end energy engine enough enter equal even event ever every exact
    example experience explain eye face fact fair fall family famous far farm fast father favor feel feet few field
    fight figure fill final find fine finger finish fire first fish fit five fly follow food foot for force forest form
    forward found four free fresh friend from front full game garden gas gave general get girl give glad go gold good
    got govern grand grass gray great green grew ground group grow guess had hair half hand happen happy hard has hat
    have he head hear heart heat heavy held help her here high hill him his history hold home hope horse hot hour house
    how huge human hundred hunt hurry I ice idea if imagine in inch include industry instant into iron is island it job
    join joy jump just keep kept key kind king knew know lady lake land language large last late laugh law lay lead
    learn least leave left leg length less let letter level lie life lift light like line list listen little live local
    long look lost lot loud love low machine made main major make man many map mark market matter may me mean measure
    meet men might mile milk million mind mine minute miss mix modern moment money month moon more morning most mother
    mountain mouth move much music must my name nation nature near need never new next night no noise noon nor north
    nose not note nothing notice now number object ocean of off offer office often oil old on once one only open or
    order other our out over own page paint pair paper parent part party pass past path pattern pay people perhaps
    person picture piece place plain plan plane planet plant play please point port pose power practice prepare present
    press pretty problem process produce proper provide pull push put quart question quick quiet quite race rain raise
    ran rather reach read ready real reason record red region remember repeat reply rest result rich ride right ring
    rise river road rock roll room root round row rule run safe said sail salt same sand save saw say scale school
    science sea season seat second see seed seem sell send sense sentence separate serve set seven several shall shape
    share she ship shop short should shoulder shout show side sign silver simple since sing sister sit six size skill
    sky sleep slow small smile snow so soft soil soldier solve some son song soon sound south space speak special speed
    spend spoke spot spring square stand star start state stay steam step stick still stone stop store story straight
    strange stream street string strong student study subject such sudden sugar suggest suit summer sun supply support
    sure surface surprise swim symbol system table take talk tall teach team tell ten term test than thank that the
    their them then there these they thick thin thing think third this those though thought thousand three through thus
    tie time tiny tire to together told tone too tool top total touch toward town track trade train travel tree
    triangle trip trouble truck true try tube turn twenty two type under unit until up us use usual valley value vary
    verb very view village visit voice vowel wait walk wall want war warm was wash watch water wave way we wear weather
    week weight well went were west what wheel when where whether which while white who whole whose why wide wife wild
    will win wind window winter wire wish with woman wonder wood word work world would write written wrong wrote yard
    year yellow yes yet you young your
"""

WORDS = tuple(_TEXT.split())

PIECES = (
    *("ing", "ed", "er", "est", "ly", "tion", "ment", "ness", "able", "al", "es", "s", "un", "re", "'s", "'t"),
    *(". ", ", ", ": ", "; ", "? ", "! ", '{"', '"}', '":', '": ', '", "', '["', '"]', "\n\n", "```", "()", "  "),
    *(f"{number:02d}" for number in range(100)),
)
"""Pieces of words, of JSON and of numbers."""
