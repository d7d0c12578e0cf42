"""What is published never changes: not the release, not its rows, not the split that its test sources lie in."""

from django.db import migrations

RELEASE = """
CREATE FUNCTION published_release_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'published' THEN
        RAISE EXCEPTION 'a published release admits no change: publish a new edition'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER published_release_is_frozen BEFORE UPDATE OR DELETE ON releases_release
    FOR EACH ROW EXECUTE FUNCTION published_release_is_frozen();
"""

# The share lock makes a row that is being added and a publication wait for one another.
PART = """
CREATE FUNCTION part_of_published_release_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT state INTO found FROM releases_release WHERE id = OLD.release_id FOR SHARE;
    END IF;
    IF TG_OP <> 'DELETE' AND found IS DISTINCT FROM 'published' THEN
        SELECT state INTO found FROM releases_release WHERE id = NEW.release_id FOR SHARE;
    END IF;
    IF found = 'published' THEN
        RAISE EXCEPTION 'rows of a published release admit no change: publish a new edition'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
"""

# A source may move into test, where a near-duplicate of a test image turns up in it; never out of it, never elsewhere.
LOCK = """
CREATE FUNCTION split_lock_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.split = 'test'
       AND (NEW.id, NEW.dataset_id, NEW.source_id, NEW.first_release_id, NEW.created)
           IS NOT DISTINCT FROM (OLD.id, OLD.dataset_id, OLD.source_id, OLD.first_release_id, OLD.created) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'what was published as % stays %', OLD.split, OLD.split USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER split_lock_holds BEFORE UPDATE OR DELETE ON releases_splitlock
    FOR EACH ROW EXECUTE FUNCTION split_lock_holds();
"""

PARTS = ("releases_releaseimage", "releases_releaseobject")


class Migration(migrations.Migration):
    dependencies = [("releases", "0001_initial")]
    operations = [
        migrations.RunSQL(
            RELEASE,
            "DROP TRIGGER published_release_is_frozen ON releases_release; DROP FUNCTION published_release_is_frozen();",
        ),
        migrations.RunSQL(PART, "DROP FUNCTION part_of_published_release_is_frozen();"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER frozen_with_its_release BEFORE INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION part_of_published_release_is_frozen();",
                f"DROP TRIGGER frozen_with_its_release ON {table};",
            )
            for table in PARTS
        ),
        migrations.RunSQL(
            LOCK, "DROP TRIGGER split_lock_holds ON releases_splitlock; DROP FUNCTION split_lock_holds();"
        ),
    ]
