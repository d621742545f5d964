#!/bin/sh
# Makes sure that the namespace exists. An existing one is left as it is, retention included: what an operator
# changed stays changed.
#
# Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and NAMESPACE_RETENTION.
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}" "${NAMESPACE_RETENTION:?}"

# An open port is not yet a cluster that answers: the first start registers the system namespace first.
tries=0
until temporal operator cluster health --address "$TEMPORAL_ADDRESS" >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS is not healthy after $tries tries" >&2
    exit 1
  fi
  sleep 2
done

if temporal operator namespace describe --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  echo "namespace $TEMPORAL_NAMESPACE exists"
  exit 0
fi

# A failure other than "not found" ends up here too. Then the creation fails and says why.
temporal operator namespace create --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE" \
  --retention "$NAMESPACE_RETENTION" --description "Auth0 to ClickHouse"
echo "namespace $TEMPORAL_NAMESPACE created"
