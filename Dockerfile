# Built where there is a Docker engine; hack/cluster makes the same image without one.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api/ api/
COPY config/ config/
COPY controllers/ controllers/
COPY internal/ internal/
COPY main.go ./
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/caseload-dev/caseload/internal/version.Version=${VERSION}" -o /caseload .

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /caseload /caseload
USER 65532:65532
ENTRYPOINT ["/caseload"]
