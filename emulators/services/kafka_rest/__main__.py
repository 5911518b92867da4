"""`python -m emulators.services.kafka_rest`: the REST proxy of the home in PINTEREST_HOME."""

from emulators.home import Home
from emulators.services import kafka
from emulators.services.kafka_rest import app
from emulators.services.web import serve

if __name__ == "__main__":
    home = Home.find()
    serve(lambda: app.build_guarded(kafka.bootstrap_servers(home), kafka.LARGEST_BATCH), home.port("kafka_rest"))
