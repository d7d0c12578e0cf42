import django.db.models.deletion
from django.db import migrations, models

# A place in the order of publication for what is there. The trigger stands aside for that alone.
ORDINALS = """
ALTER TABLE releases_release DISABLE TRIGGER published_release_is_frozen;
UPDATE releases_release SET ordinal = placed.n FROM (
    SELECT id, row_number() OVER (PARTITION BY dataset_id ORDER BY major, minor, patch NULLS LAST) AS n
    FROM releases_release
) placed WHERE placed.id = releases_release.id;
ALTER TABLE releases_release ENABLE TRIGGER published_release_is_frozen;
"""

# Each row of a release becomes one that begins with it and ends with the next; what follows is written as changes.
TAKEN_OVER = """
WITH last AS (SELECT dataset_id, max(ordinal) AS ordinal FROM releases_release WHERE state = 'published' GROUP BY 1)
INSERT INTO releases_heldimage (dataset_id, image_id, consensus_id, split, cells, since, until)
SELECT r.dataset_id, i.image_id, i.consensus_id, i.split, i.cells, r.ordinal,
       CASE WHEN r.ordinal < last.ordinal THEN r.ordinal + 1 END
FROM releases_releaseimage i JOIN releases_release r ON r.id = i.release_id JOIN last USING (dataset_id)
WHERE r.state = 'published';
WITH last AS (SELECT dataset_id, max(ordinal) AS ordinal FROM releases_release WHERE state = 'published' GROUP BY 1)
INSERT INTO releases_heldobject (dataset_id, sha256, size, uses, since, until)
SELECT r.dataset_id, o.sha256, o.size, o.uses, r.ordinal, CASE WHEN r.ordinal < last.ordinal THEN r.ordinal + 1 END
FROM releases_releaseobject o JOIN releases_release r ON r.id = o.release_id JOIN last USING (dataset_id)
WHERE r.state = 'published';
"""

VIEWS = """
CREATE VIEW releases_releaseimage AS
SELECT held.id, r.id AS release_id, held.image_id, held.consensus_id, held.split, held.cells
FROM releases_release r JOIN releases_heldimage held ON held.dataset_id = r.dataset_id
    AND held.since <= r.ordinal AND (held.until IS NULL OR held.until > r.ordinal)
WHERE r.state = 'published';
CREATE VIEW releases_releaseobject AS
SELECT held.id, r.id AS release_id, held.sha256, held.size, held.uses
FROM releases_release r JOIN releases_heldobject held ON held.dataset_id = r.dataset_id
    AND held.since <= r.ordinal AND (held.until IS NULL OR held.until > r.ordinal)
WHERE r.state = 'published';
"""

# Once a statement and not once a row: a first release writes some rows for each of its images. The share lock makes
# rows that are being written and a publication wait for one another.
GUARD = """
CREATE FUNCTION held_begins_with_its_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM releases_release WHERE state = 'publishing'
        AND (dataset_id, ordinal) IN (SELECT DISTINCT dataset_id, since FROM added) FOR SHARE;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT dataset_id, since, until FROM added) one LEFT JOIN releases_release r
            ON r.dataset_id = one.dataset_id AND r.ordinal = one.since AND r.state = 'publishing'
        WHERE r.id IS NULL OR one.until IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'rows of a published release admit no change: publish a new one'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION held_ends_with_a_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM releases_release WHERE state = 'publishing'
        AND (dataset_id, ordinal) IN (SELECT DISTINCT dataset_id, until FROM now_so) FOR SHARE;
    IF EXISTS (
        SELECT 1 FROM was_so one FULL JOIN now_so two ON one.id = two.id LEFT JOIN releases_release r
            ON r.dataset_id = two.dataset_id AND r.ordinal = two.until AND r.state = 'publishing'
        WHERE r.id IS NULL OR one.until IS NOT NULL
            OR to_jsonb(one) - 'until' IS DISTINCT FROM to_jsonb(two) - 'until'
    ) THEN
        RAISE EXCEPTION 'rows of a published release admit no change: publish a new one'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION held_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what a release held stays: publish a new one' USING ERRCODE = 'restrict_violation';
END $$;
"""
NO_GUARD = """
DROP FUNCTION held_begins_with_its_release() CASCADE;
DROP FUNCTION held_ends_with_a_release() CASCADE;
DROP FUNCTION held_stays() CASCADE;
"""
TABLES = ("releases_heldimage", "releases_heldobject")
SPLITS = [("train", "Train"), ("validation", "Validation"), ("test", "Test")]


def to(model, **more):
    more = {"on_delete": django.db.models.deletion.PROTECT, "related_name": "+", **more}
    return models.ForeignKey(to=model, **more)


def span():
    return [("since", models.PositiveIntegerField()), ("until", models.PositiveIntegerField(null=True))]


def facts(said):
    return ("facts", models.UUIDField(help_text=said, null=True))


def key():
    return ("id", models.BigAutoField(primary_key=True, serialize=False))


class Migration(migrations.Migration):
    # One statement a transaction: a table with pending trigger events cannot be altered.
    atomic = False
    dependencies = [
        ("releases", "0011_published_stays_seen"),
        ("annotation", "0003_slots_and_append_only"),
        ("consensus", "0003_append_only"),
        ("imaging", "0006_uploads"),
    ]
    operations = [
        migrations.AddField(
            "release",
            "ordinal",
            models.PositiveIntegerField(
                default=1, help_text="its place in the dataset's order: the parent's + 1"
            ),
        ),
        migrations.RunSQL(ORDINALS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "release",
            models.UniqueConstraint(fields=("dataset", "ordinal"), name="releases_of_a_dataset_in_order"),
        ),
        migrations.RemoveField("release", "contents"),
        migrations.CreateModel(
            name="DraftChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                facts("``drafting``: of name, source, pixels, what is given beside"),
                ("consensus", to("consensus.consensus", null=True, help_text="NULL: the image is left out")),
                ("image", to("imaging.image")),
                (
                    "release",
                    to("releases.release", on_delete=django.db.models.deletion.CASCADE, related_name="changes"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("release", "image"), name="image_changes_once_per_draft")
                ]
            },
        ),
        migrations.CreateModel(
            name="HeldImage",
            fields=[
                key(),
                ("split", models.CharField(choices=SPLITS, max_length=16)),
                ("cells", models.PositiveIntegerField()),
                facts("as ``DraftChange``"),
                *span(),
                ("consensus", to("consensus.consensus")),
                ("dataset", to("imaging.dataset", db_index=False)),
                ("image", to("imaging.image")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until", None)),
                        fields=("dataset", "image"),
                        name="image_once_in_the_last_release",
                    ),
                    models.UniqueConstraint(fields=("dataset", "image", "since"), name="image_begins_once"),
                    models.CheckConstraint(
                        condition=models.Q(("until", None), ("until__gt", models.F("since")), _connector="OR"),
                        name="image_ends_later",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="HeldObject",
            fields=[
                key(),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.BigIntegerField()),
                (
                    "uses",
                    models.PositiveIntegerField(
                        help_text="places that name it: the release, its parts, its images' trees"
                    ),
                ),
                *span(),
                ("dataset", to("imaging.dataset", db_index=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("until", None)),
                        fields=("dataset", "sha256"),
                        name="object_once_in_the_last_release",
                    ),
                    models.UniqueConstraint(fields=("dataset", "sha256", "since"), name="object_begins_once"),
                    models.CheckConstraint(condition=models.Q(("uses__gte", 1)), name="object_held_is_used"),
                    models.CheckConstraint(
                        condition=models.Q(("until", None), ("until__gt", models.F("since")), _connector="OR"),
                        name="object_ends_later",
                    ),
                ]
            },
        ),
        migrations.RunSQL(TAKEN_OVER, migrations.RunSQL.noop),
        migrations.DeleteModel("ReleaseImage"),
        migrations.DeleteModel("ReleaseObject"),
        migrations.RunSQL("DROP FUNCTION part_of_published_release_is_frozen();", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ReleaseImage",
            fields=[("id", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"managed": False},
        ),
        migrations.CreateModel(
            name="ReleaseObject",
            fields=[("id", models.BigIntegerField(primary_key=True, serialize=False))],
            options={"managed": False},
        ),
        migrations.RunSQL(
            VIEWS, "DROP VIEW releases_releaseimage; DROP VIEW releases_releaseobject;"
        ),
        migrations.RunSQL(GUARD, NO_GUARD),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER held_begins_with_its_release AFTER INSERT ON {table} "
                "REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION held_begins_with_its_release();"
                f"CREATE TRIGGER held_ends_with_a_release AFTER UPDATE ON {table} "
                "REFERENCING OLD TABLE AS was_so NEW TABLE AS now_so "
                "FOR EACH STATEMENT EXECUTE FUNCTION held_ends_with_a_release();"
                f"CREATE TRIGGER held_stays BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION held_stays();",
                f"DROP TRIGGER held_begins_with_its_release ON {table}; DROP TRIGGER held_ends_with_a_release ON {table};"
                f"DROP TRIGGER held_stays ON {table};",
            )
            for table in TABLES
        ),
    ]
