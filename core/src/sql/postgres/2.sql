-- The processes that share the desk: where others reach each of them, the public key that it proves
-- itself by, and when it last said that it is there.
CREATE TABLE hosts (
    id text COLLATE "C" PRIMARY KEY,
    address text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    seen timestamptz NOT NULL
) WITH (fillfactor = 50);
