from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("modelzoo", "0004_every_task")]
    operations = [migrations.AlterField("modelcard", "name", models.CharField(max_length=200, unique=True))]
