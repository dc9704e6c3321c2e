-- What operators look users up by, and where a user went that was merged into another one.
--
-- This file may run again while its indexes aren't complete, so each statement can be repeated, and
-- a repetition locks no table.

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'vetassist_users'::regclass AND attname = 'merged_into'
          AND NOT attisdropped
    ) THEN
        ALTER TABLE vetassist_users ADD COLUMN merged_into uuid;
    END IF;
END
$$;

-- The form in which names and e-mail addresses are compared: without case and accents, and with
-- single spaces. The rule of domain/text_folding.py. It doesn't depend on the locale of the database.
CREATE OR REPLACE FUNCTION vetassist_folded(given text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(btrim(regexp_replace(lower(
        CASE WHEN octet_length(given) = char_length(given) THEN given ELSE
            replace(replace(replace(replace(translate(
                regexp_replace(normalize(given, NFKD) COLLATE "C", '[\u0300-\u036f]', '', 'g'),
                -- The second text is shorter, and what the first one has beyond it is removed.
                'ÆÐØÞĐĦŁŊŒŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆ'
                || 'ɈɊɌɎͰͲͶͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЂЄЅІЈЉЊЋЏА'
                || 'БВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤ'
                || 'ҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸ'
                || 'ԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿẞςıøłđðħ‘’ʻʼ‐‒–'
                || '—−'
                || U&'\00AD\200B\200C\200D\2060\FEFF',
                'ædoþdhlŋœŧɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇ'
                || 'ɉɋɍɏͱͳͷϳαβγδεζηθικλμνξοπρστυφχψωϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽђєѕіјљњћџа'
                || 'бвгдежзиклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥ'
                || 'ҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէը'
                || 'թժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀßσiolddh''''''''---'
                || '--'
            ), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
        END COLLATE "C"
    ), ' +', ' ', 'g'), ' '), 200)
$$;

-- An earlier phase may have had another key, and then a session's id alone has no index.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_index
        WHERE indrelid = 'vetassist_sessions'::regclass AND indisvalid AND indkey[0] = (
            SELECT attnum FROM pg_attribute
            WHERE attrelid = 'vetassist_sessions'::regclass AND attname = 'id'
        )
    ) THEN
        CREATE INDEX vetassist_sessions_id_idx ON vetassist_sessions (id);
    END IF;
END
$$;
