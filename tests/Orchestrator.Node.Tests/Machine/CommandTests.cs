using Orchestrator.Api.CoreV1;
using Orchestrator.Host.Commands;
using Orchestrator.Host.Profiles;

namespace Orchestrator.Node.Tests.Machine;

/// <summary>What the commands about a node's machine say.</summary>
public sealed class CommandTests
{
    [Fact]
    public void A_services_ports_are_reached_at_the_node_or_at_its_balancer()
    {
        var service = new Service
        {
            Spec = new ServiceSpec
            {
                Type = "NodePort",
                Ports =
                [
                    new ServicePort { Port = 80, NodePort = 30080 },
                    new ServicePort { Port = 443, NodePort = 30443 },
                    new ServicePort { Port = 53, NodePort = 30053, Protocol = "UDP" },
                    new ServicePort { Port = 81 },
                ],
            },
        };

        Assert.Equal(["http://10.0.0.2:30080", "https://10.0.0.2:30443", "udp://10.0.0.2:30053"], ServiceCommand.Urls(service, "10.0.0.2"));

        service.Status.LoadBalancer = new LoadBalancerStatus { Ingress = [new LoadBalancerIngress { Ip = "10.0.0.9" }] };

        Assert.Equal("http://10.0.0.9:80", ServiceCommand.Urls(service, "10.0.0.2").First());
    }

    [Fact]
    public void Images_are_listed_in_columns_with_sizes_as_people_say_them()
    {
        string[][] rows = [["IMAGE", "SIZE"], ["docker.io/library/web:1", ImageCommand.Size(999_940)], ["a:1", ImageCommand.Size(51_234_567)], ["b:1", ImageCommand.Size(1_260_000_000)]];

        Assert.Equal(
            ["IMAGE                     SIZE", "docker.io/library/web:1   999.9 kB", "a:1                       51.2 MB", "b:1                       1.26 GB"],
            ImageCommand.Aligned(rows));
    }

    [Fact]
    public void The_unit_starts_the_cluster_with_the_machine_and_stops_it_in_order()
    {
        string unit = InstallCommand.Unit(Profile.Of("web"), "/opt/orchestrator");

        Assert.Contains("ExecStart=/opt/orchestrator start --profile web ", unit);
        Assert.Contains("ExecStop=/opt/orchestrator stop --profile web\n", unit);
        Assert.Contains("WantedBy=multi-user.target\n", unit);
    }
}
