# One function on Nomad, with the docker driver: `nomad job run nomad.hcl`. For asynchronous events it needs a NATS server at nats.service.
# The server asks nobody who they are: what routes to it has to, and the network to keep others out.
job "hello" {
  type = "service"

  update {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "5s"
    auto_revert      = true
  }

  group "hello" {
    count = 2

    network {
      port "http" {
        to = 8080
      }
    }

    service {
      name     = "hello"
      port     = "http"
      provider = "nomad"

      check {
        type     = "http"
        path     = "/readyz"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "hello" {
      driver = "docker"
      user   = "993:990"

      # Nomad's own choice would be SIGINT, which ends calls at once, and five seconds.
      kill_signal    = "SIGTERM"
      kill_timeout   = "40s"
      shutdown_delay = "5s"

      config {
        image           = "registry.example.com/hello:1"
        ports           = ["http"]
        readonly_rootfs = true
        cap_drop        = ["all"]

        mount {
          type   = "tmpfs"
          target = "/tmp"
          tmpfs_options {
            size = 1073741824
          }
        }
      }

      env {
        PORT                            = "8080"
        AWS_LAMBDA_FUNCTION_NAME        = "hello"
        AWS_LAMBDA_FUNCTION_TIMEOUT     = "25"
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE = "256"
        PILOTLIGHT_POOL                 = "4"
        PILOTLIGHT_DRAIN_TIMEOUT        = "28"
        PILOTLIGHT_QUEUE                = "nats://nats.service:4222"
      }

      resources {
        cpu    = 250
        memory = 1280
      }
    }
  }
}
