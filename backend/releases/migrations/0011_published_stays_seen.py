from django.db import migrations

# The share lock makes a publication and a change of who sees its dataset wait for one another.
STAYS_SEEN = """
CREATE FUNCTION published_dataset_stays_seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.visibility = 'hub' AND NEW.visibility <> 'hub'
       AND EXISTS (SELECT 1 FROM releases_release WHERE dataset_id = NEW.id AND state = 'published') THEN
        RAISE EXCEPTION 'what anybody could read is not taken out of sight' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER published_dataset_stays_seen BEFORE UPDATE OF visibility ON imaging_dataset
    FOR EACH ROW EXECUTE FUNCTION published_dataset_stays_seen();

CREATE FUNCTION publication_waits_for_visibility() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM imaging_dataset WHERE id = NEW.dataset_id FOR SHARE;
    RETURN NEW;
END $$;
CREATE TRIGGER publication_waits_for_visibility BEFORE INSERT OR UPDATE OF state ON releases_release
    FOR EACH ROW WHEN (NEW.state = 'published') EXECUTE FUNCTION publication_waits_for_visibility();
"""
UNDONE = """
DROP TRIGGER published_dataset_stays_seen ON imaging_dataset; DROP FUNCTION published_dataset_stays_seen();
DROP TRIGGER publication_waits_for_visibility ON releases_release; DROP FUNCTION publication_waits_for_visibility();
"""


class Migration(migrations.Migration):
    dependencies = [("releases", "0010_uses"), ("imaging", "0007_visibility_changes")]
    operations = [migrations.RunSQL(STAYS_SEEN, UNDONE)]
