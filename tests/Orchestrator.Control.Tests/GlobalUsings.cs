global using Orchestrator.Api;
global using Orchestrator.Api.AppsV1;
global using Orchestrator.Api.BatchV1;
global using Orchestrator.Api.CoreV1;
global using Orchestrator.Api.MetaV1;
global using Orchestrator.Control.Reconciling;
global using Orchestrator.Control.Tests.Fixtures;
