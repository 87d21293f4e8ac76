using System.CommandLine;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Host.Profiles;
using Orchestrator.Runtime.Client;

namespace Orchestrator.Host.Commands;

/// <summary><c>orchestrator service url NAME</c>: where a service is reached from this machine, a line for each port.</summary>
internal static class ServiceCommand
{
    public static Command Create()
    {
        var profileOption = CommonOptions.Profile();
        var ns = new Option<string>("--namespace", "-n") { Description = "Namespace of the service", DefaultValueFactory = _ => "default", HelpName = "NAMESPACE" };
        var name = new Argument<string>("NAME") { Description = "Name of the service" };
        var url = new Command("url", "Print the URLs of a service of type NodePort or LoadBalancer.") { profileOption, ns, name };
        CommonOptions.SetAction(url, (result, cancellation) => RunAsync(
            CommonOptions.ExistingProfile(result.GetValue(profileOption)!), result.GetValue(ns)!, result.GetValue(name)!, cancellation));
        return new Command("service", "Reach services from this machine.") { url };
    }

    private static async Task<int> RunAsync(Profile profile, string ns, string name, CancellationToken cancellation)
    {
        var settings = ProfileSettings.Load(profile)!;
        if (settings.AgentOf is { } server)
            throw new CommandException($"this machine is a node of {server}: ask there");
        if (!settings.HasNode)
            throw new CommandException("the nodes of this cluster are pretended: nothing listens at a service's ports");
        using var client = ClusterClient.Of(profile);
        try
        {
            var service = await client.Api.FindAsync<Service>(ns, name, cancellation)
                ?? throw new CommandException($"there is no service \"{name}\" in the namespace \"{ns}\"");
            var urls = Urls(service, await NodeAddressAsync(client.Api, cancellation)).ToList();
            if (urls.Count == 0)
                throw new CommandException($"the service \"{name}\" is of type {service.Spec.Type}, which is reached inside the cluster alone: make it a NodePort, or use 'kubectl port-forward service/{name}'");
            urls.ForEach(Console.WriteLine);
            return 0;
        }
        catch (ApiException refusal)
        {
            throw new CommandException(refusal.Message);
        }
        catch (TransportException fault)
        {
            throw new CommandException($"the API server does not answer: {fault.Message}");
        }
    }

    internal static IEnumerable<string> Urls(Service service, string nodeAddress)
    {
        var balancers = service.Status.LoadBalancer?.Ingress.OrEmpty().Select(ingress => ingress.Ip ?? ingress.Hostname).OfType<string>().ToList() ?? [];
        foreach (var port in service.Spec.Ports.OrEmpty())
        {
            if (balancers.Count > 0)
            {
                foreach (string address in balancers)
                    yield return Url(port, address, port.Port ?? 0);
            }
            else if (port.NodePort is { } nodePort and > 0)
                yield return Url(port, nodeAddress, nodePort);
        }
    }

    private static string Url(ServicePort port, string address, int number)
    {
        string scheme = port.Protocol is "UDP" or "SCTP" ? port.Protocol.ToLowerInvariant()
            : port.AppProtocol == "https" || port.Name == "https" || port.Port == 443 ? "https" : "http";
        return $"{scheme}://{address}:{number}";
    }

    private static async Task<string> NodeAddressAsync(ApiClient api, CancellationToken cancellation)
    {
        var nodes = await api.ListAsync<Node>("", cancellation: cancellation);
        return nodes.Items.SelectMany(node => node.Status.Addresses.OrEmpty()).FirstOrDefault(address => address.Type == "InternalIP")?.Address
            ?? throw new CommandException("no node has an address yet");
    }
}
