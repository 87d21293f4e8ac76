namespace Orchestrator.Control.Proxying;

/// <summary>What a load balancer asks a node at a service's health check port: how many endpoints it has itself.</summary>
public readonly record struct ServiceHealth(NamespacedName Service, int Port, int LocalEndpoints);
