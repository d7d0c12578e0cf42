import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The share lock makes a withdrawal and the publication of the same release wait for one another.
TOMBSTONE = """
CREATE FUNCTION withdrawal_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT state INTO found FROM releases_release WHERE id = NEW.release_id FOR SHARE;
        IF found = 'published' THEN RETURN NEW; END IF;
        RAISE EXCEPTION 'only a published release is withdrawn' USING ERRCODE = 'restrict_violation';
    END IF;
    RAISE EXCEPTION 'a withdrawal is final' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER withdrawal_is_final BEFORE INSERT OR UPDATE OR DELETE ON releases_withdrawal
    FOR EACH ROW EXECUTE FUNCTION withdrawal_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("releases", "0003_counts_of_classes"),
    ]
    operations = [
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created", models.DateTimeField(auto_now_add=True, db_index=True)),
                ("reason", models.CharField(max_length=2000)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "release",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawal",
                        to="releases.release",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("reason__regex", "\\S")), name="withdrawal_says_why")
                ]
            },
        ),
        migrations.RunSQL(
            TOMBSTONE,
            "DROP TRIGGER withdrawal_is_final ON releases_withdrawal; DROP FUNCTION withdrawal_is_final();",
        ),
    ]
